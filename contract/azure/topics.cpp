#include "contract/azure/topics.hpp"

#include "base/text.hpp"
#include "contract/azure/percent.hpp"

namespace ota::contract {
namespace {

constexpr std::string_view kTwinGet = "$iothub/twin/GET/";
constexpr std::string_view kReportedPatch = "$iothub/twin/PATCH/properties/reported/";
constexpr std::string_view kDesiredPatch = "$iothub/twin/PATCH/properties/desired/";
constexpr std::string_view kTwinResponse = "$iothub/twin/res/";
constexpr std::string_view kMethodRequest = "$iothub/methods/POST/";
constexpr std::string_view kMethodResponse = "$iothub/methods/res/";
constexpr std::string_view kDpsRegister = "$dps/registrations/PUT/iotdps-register/";
constexpr std::string_view kDpsStatus = "$dps/registrations/GET/iotdps-get-operationstatus/";
constexpr std::string_view kDpsResponse = "$dps/registrations/res/";
constexpr std::string_view kHubApiVersion = "2021-04-12";
constexpr std::string_view kDpsApiVersion = "2019-03-31";

/// Takes "{prefix}?{bag}" apart; nothing if the prefix or the question mark is missing.
std::optional<BagFields> bag_after(std::string_view topic, std::string_view prefix) {
  if (!topic.starts_with(prefix)) return std::nullopt;
  topic.remove_prefix(prefix.size());
  if (!topic.starts_with('?')) return std::nullopt;
  return split_bag(topic.substr(1));
}

/// Takes "{prefix}{word}/?{bag}" apart.
std::optional<std::pair<std::string_view, BagFields>> word_and_bag(std::string_view topic,
                                                                   std::string_view prefix) {
  if (!topic.starts_with(prefix)) return std::nullopt;
  topic.remove_prefix(prefix.size());
  const std::size_t slash = topic.find("/?");
  if (slash == std::string_view::npos || slash == 0) return std::nullopt;
  return std::pair{topic.substr(0, slash), split_bag(topic.substr(slash + 2))};
}

std::string text_value(const BagFields& fields, std::string_view key) {
  return std::string(bag_value(fields, key).value_or(""));
}

std::string with_request_id(std::string_view prefix, std::string_view request_id) {
  return std::string(prefix) + "?$rid=" + std::string(request_id);
}

std::optional<DeviceMessage> parse_telemetry(std::string_view topic) {
  constexpr std::string_view devices = "devices/";
  if (!topic.starts_with(devices)) return std::nullopt;
  topic.remove_prefix(devices.size());
  const auto segment = [&topic] {
    const std::size_t slash = topic.find('/');
    const std::string_view word = topic.substr(0, slash);
    topic = slash == std::string_view::npos ? std::string_view{} : topic.substr(slash + 1);
    return word;
  };
  TelemetryMessage message;
  message.device_id = segment();
  std::string_view word = segment();
  if (word == "modules") {
    message.module_id = segment();
    if (message.module_id.empty()) return std::nullopt;
    word = segment();
  }
  if (message.device_id.empty() || word != "messages" || segment() != "events") return std::nullopt;
  if (topic.ends_with('/')) topic.remove_suffix(1);
  if (topic.find('/') != std::string_view::npos) return std::nullopt;
  message.properties = topic;
  return message;
}

}  // namespace

std::string twin_get_topic(std::string_view request_id) {
  return with_request_id(kTwinGet, request_id);
}
std::string reported_patch_topic(std::string_view request_id) {
  return with_request_id(kReportedPatch, request_id);
}

std::string telemetry_topic(std::string_view device_id, std::string_view properties) {
  return "devices/" + std::string(device_id) + "/messages/events/" + std::string(properties);
}

std::string devicebound_filter(std::string_view device_id) {
  return "devices/" + std::string(device_id) + "/messages/devicebound/#";
}

std::string devicebound_topic(std::string_view device_id, std::string_view properties) {
  return "devices/" + std::string(device_id) + "/messages/devicebound/" + std::string(properties);
}

std::string method_response_topic(int status, std::string_view request_id) {
  return with_request_id(std::string(kMethodResponse) + std::to_string(status) + "/", request_id);
}

std::string dps_register_topic(std::string_view request_id) {
  return with_request_id(kDpsRegister, request_id);
}

std::string dps_status_topic(std::string_view request_id, std::string_view operation_id) {
  return with_request_id(kDpsStatus, request_id) + "&operationId=" + std::string(operation_id);
}

std::string hub_user_name(std::string_view hub_host, std::string_view device_id,
                          std::string_view client_type) {
  return std::string(hub_host) + "/" + std::string(device_id) +
         "/?api-version=" + std::string(kHubApiVersion) +
         "&DeviceClientType=" + percent_encode(client_type);
}

std::string dps_user_name(std::string_view id_scope, std::string_view registration_id,
                          std::string_view client_version) {
  return std::string(id_scope) + "/registrations/" + std::string(registration_id) +
         "/api-version=" + std::string(kDpsApiVersion) +
         "&ClientVersion=" + percent_encode(client_version);
}

std::string twin_response_topic(const TwinResponse& response) {
  std::string topic = with_request_id(
      std::string(kTwinResponse) + std::to_string(response.status) + "/", response.request_id);
  if (response.version) topic += "&$version=" + std::to_string(*response.version);
  return topic;
}

std::string desired_patch_topic(std::uint64_t version) {
  return std::string(kDesiredPatch) + "?$version=" + std::to_string(version);
}

std::string method_request_topic(const MethodRequest& request) {
  return with_request_id(std::string(kMethodRequest) + percent_encode(request.method) + "/",
                         request.request_id);
}

std::string dps_response_topic(const DpsResponse& response) {
  // $rid goes first: one SDK splits the topic at '$'.
  std::string topic = with_request_id(
      std::string(kDpsResponse) + std::to_string(response.status) + "/", response.request_id);
  if (response.retry_after_s) topic += "&retry-after=" + std::to_string(*response.retry_after_s);
  return topic;
}

std::optional<TwinResponse> parse_twin_response(std::string_view topic) {
  const auto parts = word_and_bag(topic, kTwinResponse);
  if (!parts) return std::nullopt;
  const auto status = read_number<int>(parts->first);
  if (!status) return std::nullopt;
  const auto version = bag_value(parts->second, "$version");
  return TwinResponse{*status, text_value(parts->second, "$rid"),
                      version ? read_number<std::uint64_t>(*version) : std::nullopt};
}

std::optional<DesiredPatch> parse_desired_patch(std::string_view topic) {
  const auto fields = bag_after(topic, kDesiredPatch);
  if (!fields) return std::nullopt;
  const auto version = read_number<std::uint64_t>(bag_value(*fields, "$version").value_or(""));
  if (!version) return std::nullopt;
  return DesiredPatch{*version};
}

std::optional<MethodRequest> parse_method_request(std::string_view topic) {
  const auto parts = word_and_bag(topic, kMethodRequest);
  if (!parts) return std::nullopt;
  const auto method = percent_decode(parts->first);
  if (!method) return std::nullopt;
  return MethodRequest{*method, text_value(parts->second, "$rid")};
}

std::optional<DpsResponse> parse_dps_response(std::string_view topic) {
  const auto parts = word_and_bag(topic, kDpsResponse);
  if (!parts) return std::nullopt;
  const auto status = read_number<int>(parts->first);
  if (!status) return std::nullopt;
  const auto retry = bag_value(parts->second, "retry-after");
  return DpsResponse{*status, text_value(parts->second, "$rid"),
                     retry ? read_number<std::uint32_t>(*retry) : std::nullopt};
}

std::optional<DeviceMessage> parse_device_message(std::string_view topic) {
  if (const auto fields = bag_after(topic, kTwinGet)) {
    std::string request_id = text_value(*fields, "$rid");
    if (request_id.empty()) return std::nullopt;
    return TwinGetRequest{std::move(request_id)};
  }
  if (const auto fields = bag_after(topic, kReportedPatch)) {
    const auto version = bag_value(*fields, "$version");
    return ReportedPatchRequest{text_value(*fields, "$rid"),
                                version ? read_number<std::uint64_t>(*version) : std::nullopt};
  }
  if (const auto parts = word_and_bag(topic, kMethodResponse)) {
    const auto status = read_number<int>(parts->first);
    if (!status) return std::nullopt;
    return MethodResponse{*status, text_value(parts->second, "$rid")};
  }
  if (const auto fields = bag_after(topic, kDpsRegister))
    return DpsRegisterRequest{text_value(*fields, "$rid")};
  if (const auto fields = bag_after(topic, kDpsStatus)) {
    return DpsStatusRequest{text_value(*fields, "$rid"), text_value(*fields, "operationId")};
  }
  return parse_telemetry(topic);
}

namespace {

bool has_api_version(std::string_view bag) {
  return bag_value(split_bag(bag), "api-version").has_value();
}

}  // namespace

std::optional<HubUserName> parse_hub_user_name(std::string_view user_name) {
  // {host}/{device}[/{module}]/[?bag]; the host may carry a port, and device ids hold no '/'. Older
  // clients leave the question mark out.
  const std::size_t question = user_name.find("/?");
  std::string_view path = user_name.substr(0, question);
  std::string_view fields;
  if (question != std::string_view::npos) {
    fields = user_name.substr(question + 2);
  } else if (const std::size_t last = path.rfind('/');
             last != std::string_view::npos && has_api_version(path.substr(last + 1))) {
    fields = path.substr(last + 1);
    path = path.substr(0, last);
  }
  const BagFields bag = split_bag(fields);
  if (path.ends_with('/')) path.remove_suffix(1);
  HubUserName out;
  const std::size_t first = path.find('/');
  if (first == std::string_view::npos || first == 0) return std::nullopt;
  out.host = path.substr(0, first);
  path.remove_prefix(first + 1);
  const std::size_t second = path.find('/');
  out.device_id = path.substr(0, second);
  if (second != std::string_view::npos) {
    out.module_id = path.substr(second + 1);
    if (out.module_id.empty() || out.module_id.find('/') != std::string::npos) return std::nullopt;
  }
  if (out.device_id.empty()) return std::nullopt;
  out.model_id = percent_decode(bag_value(bag, "model-id").value_or("")).value_or("");
  return out;
}

std::optional<DpsUserName> parse_dps_user_name(std::string_view user_name) {
  constexpr std::string_view middle = "/registrations/";
  const std::size_t at = user_name.find(middle);
  if (at == std::string_view::npos || at == 0) return std::nullopt;
  std::string_view rest = user_name.substr(at + middle.size());
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos || slash == 0) return std::nullopt;
  if (!has_api_version(rest.substr(slash + 1))) return std::nullopt;
  return DpsUserName{std::string(user_name.substr(0, at)), std::string(rest.substr(0, slash))};
}

}  // namespace ota::contract
