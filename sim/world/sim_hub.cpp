#include "sim/world/sim_hub.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

#include "contract/azure/topics.hpp"
#include "contract/offer.hpp"

namespace ota::sim {
namespace {

using nlohmann::json;

constexpr Duration kAnswerTime = std::chrono::milliseconds(50);
constexpr Duration kLate = std::chrono::seconds(5);

const char* const kOffer = contract::kProperty.data();

}  // namespace

void SimHub::desire(std::string_view patch, Instant now) {
  json desired = json::parse(desired_);
  json change = json::parse(patch);
  desired.merge_patch(change);
  desired_ = desired.dump();
  ++desired_version_;
  if (!connected_) return;
  change["$version"] = desired_version_;
  PatchFault fault = PatchFault::None;
  if (!patch_faults_.empty()) {
    fault = patch_faults_.front();
    patch_faults_.pop_front();
  }
  const Message message{contract::desired_patch_topic(desired_version_), change.dump()};
  if (fault == PatchFault::Lost) return;
  deliver(message, now + (fault == PatchFault::Late ? kLate : kAnswerTime));
  if (fault == PatchFault::Twice) deliver(message, now + 2 * kAnswerTime);
}

std::string SimHub::desired_offer() const {
  const json desired = json::parse(desired_);
  return desired.contains(kOffer) ? desired.at(kOffer).dump() : std::string();
}

void SimHub::disconnect() noexcept {
  connected_ = false;
  deliveries_.clear();
}

void SimHub::forget_faults() {
  request_faults_.clear();
  patch_faults_.clear();
}

RequestFault SimHub::next_request_fault() {
  if (request_faults_.empty()) return RequestFault::None;
  const RequestFault fault = request_faults_.front();
  request_faults_.pop_front();
  return fault;
}

void SimHub::publish(const net::Publish& message, Instant now) {
  if (!connected_) return;
  const auto meaning = contract::parse_device_message(message.topic);
  if (!meaning) return disconnect();  // as IoT Hub does
  if (const auto* get = std::get_if<contract::TwinGetRequest>(&*meaning)) {
    answer_twin(get->request_id, next_request_fault(), now);
  } else if (const auto* patch = std::get_if<contract::ReportedPatchRequest>(&*meaning)) {
    answer_report(patch->request_id, message.payload, next_request_fault(), now);
  }
}

/// @returns true if the fault leaves nothing more to do
bool SimHub::answer_error(std::string_view request_id, RequestFault fault, Instant now) {
  if (fault == RequestFault::RequestLost) return true;
  if (fault != RequestFault::Throttled && fault != RequestFault::ServerFailed) return false;
  const int status = fault == RequestFault::Throttled ? 429 : 500;
  deliver({contract::twin_response_topic({status, std::string(request_id), std::nullopt}), {}},
          now + kAnswerTime);
  return true;
}

void SimHub::answer_twin(std::string_view request_id, RequestFault fault, Instant now) {
  if (answer_error(request_id, fault, now) || fault == RequestFault::AnswerLost) return;
  if (fault == RequestFault::Disconnects) return disconnect();
  json twin{{"desired", json::parse(desired_)}, {"reported", {{"$version", reported_version_}}}};
  twin["desired"]["$version"] = desired_version_;
  if (!reported_.empty()) twin["reported"][kOffer] = json::parse(reported_);
  std::string body = twin.dump();
  if (fault == RequestFault::Garbled) body.resize(body.size() / 2);
  deliver({contract::twin_response_topic({200, std::string(request_id), std::nullopt}),
           std::move(body)},
          now + kAnswerTime);
}

void SimHub::answer_report(std::string_view request_id, const std::string& body, RequestFault fault,
                           Instant now) {
  if (answer_error(request_id, fault, now)) return;
  json reported = json::object();
  if (!reported_.empty()) reported[kOffer] = json::parse(reported_);
  reported.merge_patch(json::parse(body));
  reported_ = reported.at(kOffer).dump();
  ++reported_version_;
  ++reports_stored_;
  if (on_stored) on_stored(reported_);
  if (fault == RequestFault::Disconnects) return disconnect();
  if (fault == RequestFault::AnswerLost) return;
  deliver({contract::twin_response_topic({204, std::string(request_id), reported_version_}), {}},
          now + kAnswerTime);
}

void SimHub::deliver(Message message, Instant due) {
  const auto later = [](const Delivery& a, const Delivery& b) { return a.due < b.due; };
  Delivery delivery{due, std::move(message)};
  deliveries_.insert(std::upper_bound(deliveries_.begin(), deliveries_.end(), delivery, later),
                     delivery);
}

std::vector<SimHub::Message> SimHub::take_due(Instant now) {
  std::vector<Message> due;
  while (!deliveries_.empty() && deliveries_.front().due <= now) {
    due.push_back(std::move(deliveries_.front().message));
    deliveries_.pop_front();
  }
  return due;
}

std::optional<Instant> SimHub::next_due() const noexcept {
  if (deliveries_.empty()) return std::nullopt;
  return deliveries_.front().due;
}

}  // namespace ota::sim
