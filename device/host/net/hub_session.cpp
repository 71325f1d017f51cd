#include "device/host/net/hub_session.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "contract/azure/topics.hpp"
#include "contract/offer.hpp"

namespace ota::net {
namespace {

constexpr std::uint32_t kUnansweredMax = 3;
constexpr std::size_t kEarlyPatchesMax = 64;
constexpr Duration kGetPauseMin = std::chrono::seconds(2);
constexpr Duration kGetPauseMax = std::chrono::minutes(5);
constexpr std::string_view kJsonProperties = "%24.ct=application%2Fjson&%24.ce=utf-8";

std::optional<Instant> earlier(std::optional<Instant> a, std::optional<Instant> b) {
  if (!a) return b;
  if (!b) return a;
  return std::min(*a, *b);
}

}  // namespace

HubSession::HubSession(std::string device_id, Random& random, const Timing& timing)
    : device_id_(std::move(device_id)),
      random_(random),
      timing_(timing),
      get_backoff_(kGetPauseMin, std::min(kGetPauseMax, timing.retry_max)),
      outbox_(random, timing) {}

std::vector<std::string> HubSession::filters() {
  return {std::string(contract::topic::kTwinResponses),
          std::string(contract::topic::kDesiredPatches)};
}

void HubSession::subscribed(Instant now) {
  online_ = true;
  announce_ = true;
  gets_unanswered_ = 0;
  get_backoff_.reset();
  request_twin(now);
  tick(now);
}

void HubSession::disconnected() {
  online_ = false;
  get_id_.clear();
  get_due_.reset();
  settle_at_.reset();
  early_patches_.clear();
  publishes_.clear();
  outbox_.connection_lost();
}

void HubSession::received(std::string_view topic, std::string_view payload, Instant now) {
  if (!online_) return;
  if (const auto response = contract::parse_twin_response(topic)) {
    if (!get_id_.empty() && response->request_id == get_id_) {
      on_twin(response->status, payload, now);
    } else {
      outbox_.answered(response->request_id, response->status, now);
    }
  } else if (const auto patch = contract::parse_desired_patch(topic)) {
    on_patch(patch->version, payload, now);
  } else {
    spdlog::debug("hub: message on an unexpected topic ignored");
  }
  tick(now);
}

void HubSession::tick(Instant now) {
  if (!online_) return;
  if (get_due_ && now >= *get_due_) {
    if (!get_id_.empty()) {
      ++gets_unanswered_;
      spdlog::warn("hub: no answer to the twin request within {} s",
                   whole_seconds(timing_.answer_timeout));
    }
    request_twin(now);
  }
  outbox_.tick(now);
  if (auto publish = outbox_.next(now)) publishes_.push_back(std::move(*publish));
  if (settle_at_ && now >= *settle_at_) {
    settle_at_.reset();
    Wish wish{mirror_.property(contract::kProperty)};
    if (announce_ || wish != last_wish_) {
      announce_ = false;
      last_wish_ = wish;
      new_wish_ = std::move(wish);
    }
  }
}

std::optional<Instant> HubSession::deadline() const {
  if (!online_) return std::nullopt;
  return earlier(earlier(get_due_, settle_at_), outbox_.deadline());
}

void HubSession::report(Report report) { outbox_.add(std::move(report)); }

void HubSession::telemetry(std::string json) {
  if (!online_) return;
  publishes_.push_back({contract::telemetry_topic(device_id_, kJsonProperties), std::move(json)});
}

std::vector<Publish> HubSession::take_publishes() { return std::exchange(publishes_, {}); }
std::optional<Wish> HubSession::take_wish() { return std::exchange(new_wish_, std::nullopt); }
std::vector<std::uint32_t> HubSession::take_acknowledged() { return outbox_.take_acknowledged(); }

bool HubSession::silent() const noexcept {
  return std::max(gets_unanswered_, outbox_.unanswered()) >= kUnansweredMax;
}

void HubSession::request_twin(Instant now) {
  get_id_ = "g" + std::to_string(++gets_);
  get_due_ = now + timing_.answer_timeout;
  settle_at_.reset();  // What is known now may be incomplete.
  publishes_.push_back({contract::twin_get_topic(get_id_), {}});
}

void HubSession::retry_twin(Instant now) {
  get_id_.clear();
  get_due_ = now + kRetryFloor + get_backoff_.next(random_);
}

void HubSession::on_twin(int status, std::string_view body, Instant now) {
  gets_unanswered_ = 0;
  if (status != 200) {
    spdlog::warn("hub: twin request answered with status {}, will be sent again", status);
    return retry_twin(now);
  }
  if (mirror_.replace(body) != DesiredMirror::Change::Applied) {
    spdlog::error("hub: the twin is not what IoT Hub sends; asking again");
    return retry_twin(now);
  }
  get_id_.clear();
  get_due_.reset();
  get_backoff_.reset();
  settle_later(now);
  for (const Patch& patch : std::exchange(early_patches_, {})) {
    on_patch(patch.version, patch.body, now);
  }
}

void HubSession::on_patch(std::uint64_t version, std::string_view body, Instant now) {
  if (get_due_) {  // The twin is on its way; the patch may belong before or after it.
    if (early_patches_.size() < kEarlyPatchesMax)
      early_patches_.push_back({version, std::string(body)});
    return;
  }
  switch (mirror_.merge(version, body)) {
    case DesiredMirror::Change::Applied:
      return settle_later(now);
    case DesiredMirror::Change::Stale:
      return;
    case DesiredMirror::Change::Gap:
    case DesiredMirror::Change::Malformed:
      return request_twin(now);
  }
}

}  // namespace ota::net
