#include "cloud/hub/core/methods.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "cloud/hub/twin/json_text.hpp"

namespace ota::hub {

namespace {

using nlohmann::json;

constexpr JsonLimits kAnswerLimits{.bytes_max = kMethodPayloadBytesMax, .depth_max = 32};

Failure not_online(const MethodCall& call) {
  return {code::kDeviceNotOnline,
          "device " + call.device_id +
              (call.connect_timeout.count() == 0
                   ? " is not connected, or does not listen for methods"
                   : " did not connect and listen for methods within " +
                         std::to_string(call.connect_timeout.count()) + " s")};
}

Failure no_answer(const MethodCall& call) {
  return {code::kGatewayTimeout, "device " + call.device_id + " did not answer method " +
                                     call.name + " within " +
                                     std::to_string(call.response_timeout.count()) + " s"};
}

/// Characters that the documentation allows in the name of a method.
bool is_method_name(std::string_view name) {
  constexpr std::string_view kForbidden = "$()<>@,;:\\\"/[]?={}+#";
  return !name.empty() && name.size() <= kMethodNameBytesMax &&
         std::all_of(name.begin(), name.end(), [&](unsigned char c) {
           return c > ' ' && c < 0x7F && kForbidden.find(static_cast<char>(c)) == kForbidden.npos;
         });
}

Outcome<std::chrono::seconds> seconds_of(const json& body, const char* name,
                                         std::chrono::seconds preset, std::chrono::seconds min) {
  const auto found = body.find(name);
  if (found == body.end() || found->is_null()) return preset;
  const std::string range =
      std::to_string(min.count()) + " to " + std::to_string(kMethodTimeoutMax.count()) + " seconds";
  if (!found->is_number_integer()) return invalid(std::string(name) + " is not " + range);
  if (*found < min.count() || *found > kMethodTimeoutMax.count())
    return invalid(std::string(name) + " is not " + range);
  return std::chrono::seconds(found->get<std::int64_t>());
}

Outcome<MethodAnswer> read_answer(const contract::MethodResponse& response,
                                  std::string_view payload) {
  if (payload.size() > kMethodPayloadBytesMax)
    return Failure{code::kBadDeviceResponse, "the device's answer is larger than 128 KiB"};
  if (payload.find_first_not_of(" \t\r\n") == payload.npos)
    return MethodAnswer{response.status, "null"};
  if (!parse_json(payload, kAnswerLimits))
    return Failure{code::kBadDeviceResponse, "the device's answer is not JSON"};
  return MethodAnswer{response.status, std::string(payload)};
}

}  // namespace

Outcome<MethodCall> read_method_call(std::string device_id, const json& body) {
  MethodCall call;
  call.device_id = std::move(device_id);
  const auto name = body.find("methodName");
  if (name == body.end() || !name->is_string() || name->get_ref<const std::string&>().empty())
    return Failure{code::kArgumentNull, "methodName is missing"};
  call.name = name->get<std::string>();
  if (!is_method_name(call.name)) {
    return invalid("methodName has characters that IoT Hub does not allow, or more than " +
                   std::to_string(kMethodNameBytesMax));
  }
  if (const auto payload = body.find("payload"); payload != body.end())
    call.payload = json_to_text(*payload);
  if (call.payload.size() > kMethodPayloadBytesMax)
    return Failure{code::kMessageTooLarge, "the payload is larger than 128 KiB"};
  OTA_TRY(call.response_timeout, seconds_of(body, "responseTimeoutInSeconds", call.response_timeout,
                                            kMethodResponseTimeoutMin));
  OTA_TRY(call.connect_timeout, seconds_of(body, "connectTimeoutInSeconds", call.connect_timeout,
                                           std::chrono::seconds(0)));
  return call;
}

void Methods::invoke(MethodCall call, Done done, Wanted wanted) {
  if (pending_.size() >= kMethodCallsMax) {
    return done(Failure{code::kThrottled, "too many direct methods are under way"});
  }
  std::array<char, 17> id{};
  const auto end = std::to_chars(id.data(), id.data() + id.size(), ++last_request_, 16).ptr;
  const std::string request_id(id.data(), end);
  const Instant connect_end = settings_.steady_now() + call.connect_timeout;
  const bool waits = call.connect_timeout.count() > 0;
  const auto place = pending_
                         .emplace(request_id, Pending{std::move(call), std::move(done),
                                                      std::move(wanted), connect_end, false})
                         .first;
  if (ask(request_id, place->second) || waits) return;
  const Pending refused = take(place);
  refused.done(not_online(refused.call));
}

bool Methods::ask(const std::string& request_id, Pending& pending) {
  DeviceLink* link = links_.find(pending.call.device_id);
  if (link == nullptr) return false;
  if (!link->method_request({pending.call.name, request_id}, pending.call.payload)) return false;
  pending.asked = true;
  pending.end = settings_.steady_now() + pending.call.response_timeout;
  pending.call.payload = {};
  return true;
}

Methods::Pending Methods::take(std::map<std::string, Pending>::iterator place) {
  Pending pending = std::move(place->second);
  pending_.erase(place);
  return pending;
}

void Methods::listening(const std::string& device_id) {
  for (auto place = pending_.begin(); place != pending_.end();) {
    const auto current = place++;
    Pending& pending = current->second;
    if (pending.asked || pending.call.device_id != device_id) continue;
    if (!pending.wanted()) {
      pending_.erase(current);
    } else {
      ask(current->first, pending);
    }
  }
}

void Methods::answered(const std::string& device_id, const contract::MethodResponse& response,
                       std::string_view payload) {
  const auto found = pending_.find(response.request_id);
  if (found == pending_.end() || !found->second.asked ||
      found->second.call.device_id != device_id) {
    return;
  }
  const Pending pending = take(found);
  pending.done(read_answer(response, payload));
}

void Methods::tick() {
  const Instant time = settings_.steady_now();
  std::vector<Pending> over;
  for (auto place = pending_.begin(); place != pending_.end();) {
    const auto current = place++;
    if (!current->second.wanted()) {
      pending_.erase(current);
    } else if (time >= current->second.end) {
      over.push_back(take(current));
    }
  }
  for (const Pending& pending : over)
    pending.done(pending.asked ? no_answer(pending.call) : not_online(pending.call));
}

}  // namespace ota::hub
