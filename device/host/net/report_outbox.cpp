#include "device/host/net/report_outbox.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "contract/azure/topics.hpp"

namespace ota::net {

void ReportOutbox::add(std::string patch, std::uint32_t outcome_number) {
  const std::size_t first_free = in_flight_.empty() ? 0 : 1;
  if (outcome_number != 0) {
    const auto same = std::find_if(entries_.begin(), entries_.end(), [=](const Entry& entry) {
      return entry.outcome_number == outcome_number;
    });
    if (same != entries_.end()) return;  // The engine repeats an outcome; one copy is enough.
  }
  // Progress that was not sent yet says nothing any more once something newer is known.
  if (entries_.size() > first_free && entries_.back().outcome_number == 0) entries_.pop_back();
  entries_.push_back({std::move(patch), outcome_number});
}

std::optional<Publish> ReportOutbox::next(Instant now) {
  if (entries_.empty() || !in_flight_.empty() || now < retry_at_) return std::nullopt;
  drop_outdated();
  in_flight_ = "r" + std::to_string(++requests_);
  answer_due_ = now + answer_timeout_;
  return Publish{contract::reported_patch_topic(in_flight_), entries_.front().patch};
}

bool ReportOutbox::answered(std::string_view request_id, int status, Instant now) {
  if (in_flight_.empty() || request_id != in_flight_) return false;
  unanswered_ = 0;
  if (status == 429 || status >= 500) {
    spdlog::info("hub: report not taken now (status {}), will be sent again", status);
    retry_later(now);
    return true;
  }
  if (status >= 200 && status < 300) {
    if (entries_.front().outcome_number != 0) {
      acknowledged_.push_back(entries_.front().outcome_number);
    }
  } else {
    // Sending the same bytes again cannot help; the engine repeats an outcome after its next start.
    spdlog::error("hub: report refused (status {}): {}", status, entries_.front().patch);
  }
  entries_.pop_front();
  in_flight_.clear();
  backoff_.reset();
  return true;
}

void ReportOutbox::tick(Instant now) {
  if (in_flight_.empty() || now < answer_due_) return;
  ++unanswered_;
  spdlog::warn("hub: no answer to a report within {} s", whole_seconds(answer_timeout_));
  retry_later(now);
}

void ReportOutbox::connection_lost() noexcept {
  in_flight_.clear();
  retry_at_ = Instant{};
  unanswered_ = 0;
}

std::optional<Instant> ReportOutbox::deadline() const noexcept {
  if (!in_flight_.empty()) return answer_due_;
  if (entries_.empty()) return std::nullopt;
  return retry_at_;
}

std::vector<std::uint32_t> ReportOutbox::take_acknowledged() {
  return std::exchange(acknowledged_, {});
}

void ReportOutbox::drop_outdated() {
  const auto newest = std::find_if(entries_.rbegin(), entries_.rend(),
                                   [](const Entry& entry) { return entry.outcome_number != 0; });
  if (newest != entries_.rend()) entries_.erase(entries_.begin(), std::prev(newest.base()));
}

void ReportOutbox::retry_later(Instant now) {
  in_flight_.clear();
  retry_at_ = now + kRetryFloor + backoff_.next(random_);
}

}  // namespace ota::net
