#include "cloud/rest/hub_client.hpp"

#include <nlohmann/json.hpp>

#include "cloud/rest/json_rows.hpp"
#include "contract/azure/percent.hpp"
#include "contract/json/json_text.hpp"

namespace ota::rest {
namespace {

using Json = nlohmann::json;

constexpr const char* kApiVersion = "2021-04-12";
constexpr int kPagesMax = 10'000;

ApiError unreadable(const HttpReply& reply, const std::string& what) {
  return {
      .kind = ApiError::Kind::Protocol,
      .http_status = reply.status,
      .code = "unreadable_answer",
      .message = "cannot " + what + ": the service's answer cannot be read; is this an IoT Hub?",
      .request_id = reply.header("x-ms-request-id").value_or("")};
}

/// An etag as If-Match wants it: in quotes, the wildcard alone without.
std::string if_match(std::string_view etag) {
  return etag.empty() || etag == "*" ? "*" : "\"" + std::string(etag) + "\"";
}

std::string in_quotes(std::string_view id) { return "'" + std::string(id) + "'"; }

std::string path_of(const char* collection, std::string_view id) {
  return std::string("/") + collection + "/" + contract::percent_encode(id);
}

std::string text_at(const Json& object, const Json::json_pointer& path) {
  return object.contains(path) && object[path].is_string() ? object[path].get<std::string>()
                                                           : std::string();
}

ApiResult<DeviceIdentity> read_identity(const HttpReply& reply, const std::string& what) {
  const Json object = contract::read_json(reply.body);
  if (!object.is_object()) return unreadable(reply, what);
  using Path = Json::json_pointer;
  return DeviceIdentity{
      .id = text_at(object, Path("/deviceId")),
      .status = text_at(object, Path("/status")),
      .connection_state = text_at(object, Path("/connectionState")),
      .primary_key = text_at(object, Path("/authentication/symmetricKey/primaryKey")),
      .etag = text_at(object, Path("/etag"))};
}

/// Cuts pieces into lines; empty ones, which only say that the hub lives, are left out.
class LineSplitter {
 public:
  explicit LineSplitter(const std::function<bool(std::string_view)>& on_line) : on_line_(on_line) {}

  bool take(std::string_view piece) {
    constexpr std::size_t kLineBytesMax = 4U * 1024 * 1024;
    rest_ += piece;
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = rest_.find('\n', begin)) != std::string::npos;
         begin = end + 1) {
      if (end > begin && !on_line_(std::string_view(rest_).substr(begin, end - begin)))
        return false;
    }
    rest_.erase(0, begin);
    return rest_.size() <= kLineBytesMax;
  }

 private:
  const std::function<bool(std::string_view)>& on_line_;
  std::string rest_;
};

}  // namespace

HubClient::HubClient(contract::HubConnection connection, ClientSetup setup, std::string base_url)
    : session_(std::move(connection), kApiVersion, std::move(setup), std::move(base_url)) {}

ApiResult<std::vector<Configuration>> HubClient::list_configurations() {
  const ServiceCall call{.method = "GET",
                         .path = "/configurations",
                         .query = "top=100",  // as many as a hub holds
                         .what = "list the configurations"};
  OTA_TRY(const HttpReply reply, session_.send(call));
  const auto rows = split_json_array(reply.body);
  if (!rows) return unreadable(reply, call.what);
  std::vector<Configuration> out;
  for (const std::string& row : *rows) {
    if (auto configuration = parse_configuration(row)) out.push_back(std::move(*configuration));
  }
  return out;
}

ApiResult<Configuration> HubClient::get_configuration(std::string_view id) {
  const ServiceCall call{.method = "GET",
                         .path = path_of("configurations", id),
                         .what = "read configuration " + in_quotes(id)};
  OTA_TRY(const HttpReply reply, session_.send(call));
  auto configuration = parse_configuration(reply.body);
  if (!configuration) return unreadable(reply, call.what);
  return std::move(*configuration);
}

ApiResult<Ok> HubClient::create_configuration(const Configuration& configuration) {
  OTA_TRY(session_.send({.method = "PUT",
                         .path = path_of("configurations", configuration.id),
                         .body = encode_configuration(configuration),
                         .repeatable = Repeatable::No,
                         .what = "create configuration " + in_quotes(configuration.id)}));
  return Ok{};
}

ApiResult<Ok> HubClient::update_configuration(const Configuration& configuration) {
  OTA_TRY(session_.send({.method = "PUT",
                         .path = path_of("configurations", configuration.id),
                         .body = encode_configuration(configuration),
                         .headers = {{"If-Match", if_match(configuration.etag)}},
                         .repeatable = Repeatable::No,
                         .what = "change configuration " + in_quotes(configuration.id)}));
  return Ok{};
}

ApiResult<Ok> HubClient::delete_configuration(std::string_view id, std::string_view etag) {
  OTA_TRY(session_.send({.method = "DELETE",
                         .path = path_of("configurations", id),
                         .headers = {{"If-Match", if_match(etag)}},
                         .what = "delete configuration " + in_quotes(id)}));
  return Ok{};
}

ApiResult<Rows> HubClient::query_some(std::string_view query, std::size_t rows_max) {
  ServiceCall call{.method = "POST",
                   .path = "/devices/query",
                   .body = query_body(query),
                   .what = "query the devices"};
  Rows out;
  std::string continuation;
  for (int page = 0; page < kPagesMax; ++page) {
    call.headers = {{"x-ms-max-item-count", std::to_string(kQueryPageRows)}};
    if (!continuation.empty()) call.headers.emplace_back("x-ms-continuation", continuation);
    OTA_TRY(const HttpReply reply, session_.send(call));
    auto rows = split_json_array(reply.body);
    if (!rows) return unreadable(reply, call.what);
    for (std::string& row : *rows) out.rows.push_back({std::move(row)});
    continuation = reply.header("x-ms-continuation").value_or("");
    out.more = !continuation.empty();
    if (!out.more || out.rows.size() >= rows_max) break;
  }
  if (out.rows.size() > rows_max) {
    out.rows.resize(rows_max);
    out.more = true;
  }
  return out;
}

ApiResult<std::vector<JsonText>> HubClient::query_all(std::string_view query,
                                                      std::size_t rows_max) {
  OTA_TRY(Rows found, query_some(query, rows_max));
  if (!found.more) return std::move(found.rows);
  return ApiError{.kind = ApiError::Kind::Protocol,
                  .http_status = 200,
                  .code = "too_many_rows",
                  .message = "the query gives more than " + std::to_string(rows_max) +
                             " devices; narrow it to one product and group"};
}

ApiResult<JsonText> HubClient::get_twin(std::string_view device_id) {
  OTA_TRY(HttpReply reply, session_.send({.method = "GET",
                                          .path = path_of("twins", device_id),
                                          .what = "read the twin of " + in_quotes(device_id)}));
  return JsonText{std::move(reply.body)};
}

ApiResult<JsonText> HubClient::patch_twin(std::string_view device_id, std::string_view patch,
                                          std::string_view etag) {
  OTA_TRY(HttpReply reply, session_.send({.method = "PATCH",
                                          .path = path_of("twins", device_id),
                                          .body = std::string(patch),
                                          .headers = {{"If-Match", if_match(etag)}},
                                          .what = "change the twin of " + in_quotes(device_id)}));
  return JsonText{std::move(reply.body)};
}

ApiResult<DeviceIdentity> HubClient::get_device(std::string_view device_id) {
  const ServiceCall call{.method = "GET",
                         .path = path_of("devices", device_id),
                         .what = "read device " + in_quotes(device_id)};
  OTA_TRY(const HttpReply reply, session_.send(call));
  return read_identity(reply, call.what);
}

ApiResult<DeviceIdentity> HubClient::create_device(std::string_view device_id) {
  const ServiceCall call{
      .method = "PUT",
      .path = path_of("devices", device_id),
      .body = Json{{"deviceId", device_id}}.dump(-1, ' ', false, Json::error_handler_t::replace),
      .repeatable = Repeatable::No,
      .what = "create device " + in_quotes(device_id)};
  OTA_TRY(const HttpReply reply, session_.send(call));
  return read_identity(reply, call.what);
}

ApiResult<Ok> HubClient::delete_device(std::string_view device_id, std::string_view etag) {
  OTA_TRY(session_.send({.method = "DELETE",
                         .path = path_of("devices", device_id),
                         .headers = {{"If-Match", if_match(etag)}},
                         .what = "delete device " + in_quotes(device_id)}));
  return Ok{};
}

ApiResult<std::int64_t> HubClient::count_devices() {
  const ServiceCall call{
      .method = "GET", .path = "/statistics/devices", .what = "count the devices"};
  OTA_TRY(const HttpReply reply, session_.send(call));
  const Json object = contract::read_json(reply.body);
  const Json::json_pointer total("/totalDeviceCount");
  if (!object.contains(total) || !object[total].is_number_integer()) {
    return unreadable(reply, call.what);
  }
  return object[total].get<std::int64_t>();
}

ApiResult<Ok> HubClient::send_message(const DeviceboundMessage& message) {
  ServiceCall call{.method = "POST",
                   .path = path_of("devices", message.device_id) + "/messages/devicebound",
                   .body = message.body,
                   .headers = {{"Content-Type", "application/octet-stream"}},
                   .repeatable = Repeatable::No,
                   .what = "send a message to " + in_quotes(message.device_id)};
  for (const auto& [name, value] : message.properties)
    call.headers.emplace_back("iothub-app-" + name, value);
  if (!message.expiry.empty()) call.headers.emplace_back("iothub-expiry", message.expiry);
  OTA_TRY(session_.send(call));
  return Ok{};
}

ApiResult<JsonText> HubClient::call_method(const MethodCall& method) {
  constexpr int kMarginS = 30;
  const Json settings = {{"methodName", method.name},
                         {"responseTimeoutInSeconds", method.response_timeout_s},
                         {"connectTimeoutInSeconds", method.connect_timeout_s}};
  std::string body = settings.dump();
  body.insert(body.size() - 1, R"(,"payload":)" + method.payload);
  OTA_TRY(HttpReply reply, session_.send({.method = "POST",
                                          .path = path_of("twins", method.device_id) + "/methods",
                                          .body = std::move(body),
                                          .repeatable = Repeatable::No,
                                          .answer_timeout_s = method.response_timeout_s +
                                                              method.connect_timeout_s + kMarginS,
                                          .what = "call method " + in_quotes(method.name) + " of " +
                                                  in_quotes(method.device_id)}));
  return JsonText{std::move(reply.body)};
}

ApiResult<Ok> HubClient::follow_events(const EventsWanted& wanted,
                                       const std::function<bool(std::string_view)>& on_line) {
  LineSplitter lines(on_line);
  ServiceCall call{.method = "GET",
                   .path = "/$local/events",
                   .repeatable = Repeatable::No,
                   .on_piece = [&lines](std::string_view piece) { return lines.take(piece); },
                   .what = "follow the hub's events"};
  const auto add = [&call](const char* name, const std::string& value) {
    if (value.empty()) return;
    call.query +=
        (call.query.empty() ? "" : "&") + std::string(name) + "=" + contract::percent_encode(value);
  };
  add("device", wanted.device_id);
  add("type", wanted.types);
  if (wanted.from) add("from", std::to_string(*wanted.from));
  OTA_TRY(session_.send(call));
  return Ok{};
}

}  // namespace ota::rest
