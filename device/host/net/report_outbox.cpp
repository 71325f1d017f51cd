#include "device/host/net/report_outbox.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "contract/azure/topics.hpp"

namespace ota::net {

Claim claim_of(const contract::Report& report) noexcept {
  switch (report.phase) {
    case contract::Phase::Programming:
    case contract::Phase::Confirming:
    case contract::Phase::RollingBack:
      return Claim::McuBusy;
    case contract::Phase::Idle:
    case contract::Phase::Waiting:
    case contract::Phase::Downloading:
    case contract::Phase::Verifying:
      break;
  }
  return report.status == contract::StatusWord::Applied ? Claim::McuRuns : Claim::None;
}

bool overtakes(const Report& newer, const Report& older) noexcept {
  if (older.outcome_number == 0 || newer.outcome_number != 0) return true;
  return newer.claim == Claim::McuBusy && older.claim == Claim::McuRuns;
}

void ReportOutbox::add(Report report) {
  const auto same = [&report](const Entry& entry) {
    return entry.report.outcome_number == report.outcome_number;
  };
  // The engine repeats an outcome; one copy is enough.
  if (report.outcome_number != 0 && std::any_of(entries_.begin(), entries_.end(), same)) return;
  for (Entry& entry : entries_) {
    entry.overtaken = entry.overtaken || overtakes(report, entry.report);
  }
  const auto first_free = std::next(entries_.begin(), in_flight_.empty() ? 0 : 1);
  entries_.erase(std::remove_if(first_free, entries_.end(),
                                [](const Entry& entry) { return entry.overtaken; }),
                 entries_.end());
  entries_.push_back({std::move(report)});
}

std::optional<Publish> ReportOutbox::next(Instant now) {
  if (entries_.empty() || !in_flight_.empty() || now < retry_at_) return std::nullopt;
  if (entries_.front().overtaken) entries_.pop_front();  // It was in flight, and is not any more.
  in_flight_ = "r" + std::to_string(++requests_);
  answer_due_ = now + answer_timeout_;
  return Publish{contract::reported_patch_topic(in_flight_), entries_.front().report.patch};
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
    if (entries_.front().report.outcome_number != 0) {
      acknowledged_.push_back(entries_.front().report.outcome_number);
    }
  } else {
    // Sending the same bytes again cannot help; the engine repeats an outcome after its next start.
    spdlog::error("hub: report refused (status {}): {}", status, entries_.front().report.patch);
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

void ReportOutbox::retry_later(Instant now) {
  in_flight_.clear();
  retry_at_ = now + kRetryFloor + backoff_.next(random_);
}

}  // namespace ota::net
