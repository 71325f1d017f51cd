#include "device/host/agent/cloud_reports.hpp"

#include <spdlog/spdlog.h>

#include "contract/json/report_json.hpp"

namespace ota::agent {
namespace {

/// The same state, perhaps further on.
bool same_state(const contract::Report& a, const contract::Report& b) {
  return a.status == b.status && a.code == b.code && a.phase == b.phase && a.version == b.version &&
         a.target == b.target && a.attempt == b.attempt;
}

}  // namespace

void CloudReports::report(const contract::Report& report, std::uint32_t outcome_number) noexcept {
  figures_.mcu_version = report.version;
  if (first_ || !same_state(report, last_)) {
    since_ = wall_clock_.iso_time();
    note_phase(report);
  }
  if (outcome_number != 0 && outcome_number != last_outcome_) note_outcome(report, outcome_number);
  first_ = false;
  last_ = report;
  inbox_.put_report(
      {contract::encode_report_patch(report, since_), outcome_number, net::claim_of(report)});
}

void CloudReports::note_phase(const contract::Report& report) {
  spdlog::info("update: {} (status {}, code {}, target {}, running {}){}{}", to_text(report.phase),
               to_text(report.status), to_text(report.code), report.target, report.version,
               report.detail.empty() ? "" : ": ", report.detail.view());
  events_.write("phase", {{"phase", to_text(report.phase)},
                          {"status", to_text(report.status)},
                          {"code", to_text(report.code)},
                          {"target", std::uint64_t{report.target}},
                          {"version", std::uint64_t{report.version}}});
}

void CloudReports::note_outcome(const contract::Report& report, std::uint32_t outcome_number) {
  last_outcome_ = outcome_number;
  events_.write("outcome", {{"number", std::uint64_t{outcome_number}},
                            {"status", to_text(report.status)},
                            {"code", to_text(report.code)},
                            {"version", std::uint64_t{report.version}},
                            {"target", std::uint64_t{report.target}},
                            {"fetched", meter_.bytes()},
                            {"detail", report.detail.view()}});
}

}  // namespace ota::agent
