#include "device/host/net/dps_session.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "contract/azure/topics.hpp"
#include "contract/json/json_text.hpp"

namespace ota::net {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kAnswerBytesMax = 64 * 1024;
constexpr std::uint32_t kRetryAfterDefault =
    2;  // seconds; what Microsoft's SDKs take when DPS names none
constexpr std::uint32_t kRetryAfterMax = 300;
constexpr std::uint32_t kRequestsMax =
    100;  // A registration that never ends starts anew, with back-off.

std::string text(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

/// What DPS says went wrong, in one line.
std::string reason(const Json& object, const char* message_key) {
  std::string out = text(object, message_key);
  const auto code = object.find("errorCode");
  if (code != object.end() && code->is_number_integer()) {
    const std::string number = "code " + std::to_string(code->get<std::int64_t>());
    out = out.empty() ? number : out + " (" + number + ")";
  }
  return out.empty() ? "no reason given" : out;
}

}  // namespace

DpsSession::DpsSession(std::string registration_id, const Timing& timing)
    : registration_id_(std::move(registration_id)), answer_timeout_(timing.answer_timeout) {}

std::vector<std::string> DpsSession::filters() {
  return {std::string(contract::topic::kDpsResponses)};
}

void DpsSession::subscribed(Instant now) { send(now); }

void DpsSession::received(std::string_view topic, std::string_view payload, Instant now) {
  const auto response = contract::parse_dps_response(topic);
  if (!response || outcome_ || in_flight_.empty() || response->request_id != in_flight_) return;
  in_flight_.clear();
  // Every SDK treats 429 and above as "later", anything from 300 below it as final.
  if (response->status >= 429) return again_after(response->retry_after_s, now);
  if (response->status < 300) return read_answer(payload, response->retry_after_s, now);
  const Json body = payload.size() <= kAnswerBytesMax ? contract::read_json(payload) : Json();
  fail(DpsFailure::Kind::Refused,
       "DPS refused the registration (status " + std::to_string(response->status) +
           "): " + (body.is_object() ? reason(body, "message") : "no reason given"));
}

void DpsSession::tick(Instant now) {
  if (outcome_ || !due_ || now < *due_) return;
  if (!in_flight_.empty()) {
    return fail(
        DpsFailure::Kind::Silent,
        "DPS did not answer within " + std::to_string(whole_seconds(answer_timeout_)) + " s");
  }
  send(now);
}

std::optional<Instant> DpsSession::deadline() const noexcept { return due_; }

std::vector<Publish> DpsSession::take_publishes() { return std::exchange(publishes_, {}); }

void DpsSession::send(Instant now) {
  if (requests_ == kRequestsMax) {
    return fail(DpsFailure::Kind::Silent, "DPS did not finish the registration");
  }
  in_flight_ = std::to_string(++requests_);
  due_ = now + answer_timeout_;
  if (operation_id_.empty()) {
    publishes_.push_back({contract::dps_register_topic(in_flight_),
                          Json{{"registrationId", registration_id_}}.dump(
                              -1, ' ', false, Json::error_handler_t::replace)});
  } else {
    publishes_.push_back({contract::dps_status_topic(in_flight_, operation_id_), " "});
  }
}

void DpsSession::again_after(std::optional<std::uint32_t> seconds, Instant now) {
  const std::uint32_t wait =
      std::clamp(seconds.value_or(kRetryAfterDefault), std::uint32_t{1}, kRetryAfterMax);
  due_ = now + std::chrono::seconds(wait);
}

void DpsSession::read_answer(std::string_view payload, std::optional<std::uint32_t> retry_after,
                             Instant now) {
  using Kind = DpsFailure::Kind;
  const Json body = payload.size() <= kAnswerBytesMax ? contract::read_json(payload) : Json();
  if (!body.is_object()) return fail(Kind::Protocol, "DPS answered something that is not JSON");
  const auto found = body.find("registrationState");
  const Json state = found != body.end() && found->is_object() ? *found : Json::object();
  const std::string status = text(body, "status");
  if (status == "assigning" || status == "unassigned") {
    if (const std::string id = text(body, "operationId"); !id.empty()) operation_id_ = id;
    if (operation_id_.empty()) return fail(Kind::Protocol, "DPS named no operation to wait for");
    return again_after(retry_after, now);
  }
  if (status == "assigned") {
    Assignment assignment{text(state, "assignedHub"), text(state, "deviceId")};
    if (assignment.hub_host.empty() || assignment.device_id.empty()) {
      return fail(Kind::Protocol, "DPS assigned the device but named no hub");
    }
    due_.reset();
    outcome_ = Result<Assignment, DpsFailure>(std::move(assignment));
    return;
  }
  if (status == "disabled") {
    return fail(Kind::Disabled, "the enrollment of this device is disabled in DPS");
  }
  if (status == "failed") {
    return fail(Kind::Refused, "DPS could not assign a hub: " + reason(state, "errorMessage"));
  }
  fail(Kind::Protocol, "DPS answered an unknown status");
}

void DpsSession::fail(DpsFailure::Kind kind, std::string detail) {
  due_.reset();
  in_flight_.clear();
  outcome_ = Result<Assignment, DpsFailure>(DpsFailure{kind, std::move(detail)});
}

}  // namespace ota::net
