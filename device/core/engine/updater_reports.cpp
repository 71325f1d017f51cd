#include <algorithm>

#include "device/core/engine/deadlines.hpp"
#include "device/core/engine/explain.hpp"
#include "device/core/engine/updater.hpp"

namespace ota::engine {

std::uint8_t Updater::progress_percent() const noexcept {
  const std::uint32_t size = journal_.target.size_bytes;
  if (journal_.phase != Phase::Downloading) return 100;
  if (size == 0) return 0;
  return static_cast<std::uint8_t>(std::uint64_t{100} * stored_bytes_ / size);
}

contract::Report Updater::report_of_phase() const noexcept {
  contract::Report report;
  report.target = journal_.target.identity.version;
  report.attempt = journal_.target.identity.attempt;
  const Code rollback = has_current_ ? Code::None : Code::RollbackUnavailable;
  switch (journal_.phase) {
    case Phase::Idle:
      report.status = journal_.outcome.status;
      report.code = journal_.outcome.code;
      report.target = journal_.outcome.target;
      report.attempt = journal_.outcome.attempt;
      report.progress_percent = report.status == StatusWord::Applied ? 100 : 0;
      break;
    case Phase::Waiting:
      report.status = StatusWord::Interrupted;
      report.code = journal_.reason;
      break;
    case Phase::Downloading:
      report.status = progress_.quiet() ? StatusWord::Interrupted : StatusWord::Downloading;
      report.code = progress_.quiet() ? network_code_ : rollback;
      report.progress_percent = progress_percent();
      break;
    case Phase::Verifying:
      report.status = StatusWord::Downloading;
      report.code = rollback;
      report.progress_percent = 100;
      break;
    case Phase::Programming:
    case Phase::Confirming:
      report.status = StatusWord::Applying;
      report.code = rollback;
      report.progress_percent = 100;
      break;
    case Phase::RollingBack:
      report.status = StatusWord::Applying;
      report.code = journal_.reason;
      break;
  }
  return report;
}

contract::Report Updater::current_report() const noexcept {
  contract::Report report = report_of_phase();
  report.phase = phase();
  report.version = journal_.mcu_version;
  if (storage_lost_) {
    report.status = StatusWord::Interrupted;
    report.code = Code::StorageFailed;
  }
  const bool refused = report.phase == Phase::Idle && report.status == StatusWord::Error;
  report.detail =
      refused && !refusal_detail_.empty() ? refusal_detail_.view() : explain(report.code);
  return report;
}

// A flash that comes and goes is reported once until it works for good.
void Updater::report_loss() noexcept {
  if (!loss_reported_) report_state();
  loss_reported_ = true;
}

void Updater::report_state() noexcept { reports_.report(current_report(), 0); }

void Updater::report_outcome() noexcept {
  const bool open = !journal_.outcome.acknowledged;
  reports_.report(current_report(), open ? journal_.outcome.number : 0);
  outcome_at_ = clock_.now() + outcome_pause_;
  outcome_pause_ = std::min(2 * outcome_pause_, kOutcomePauseMax);
}

void Updater::repeat_outcome() noexcept {
  const bool open = journal_.outcome.number > 0 && !journal_.outcome.acknowledged;
  // While newer work is under way its own outcome will follow; the old one would be misleading.
  if (open && journal_.phase == Phase::Idle && clock_.now() >= outcome_at_) report_outcome();
}

void Updater::on_stored(std::uint32_t candidate_bytes) noexcept {
  stored_bytes_ = candidate_bytes;
  const auto news = progress_.on_data(candidate_bytes, journal_.target.size_bytes, clock_.now());
  if (news == Progress::News::Report) report_state();
}

}  // namespace ota::engine
