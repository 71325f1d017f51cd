#pragma once

#include <cstdint>
#include <string>

#include "device/core/engine/ports.hpp"
#include "device/host/agent/event_log.hpp"
#include "device/host/agent/fetch_meter.hpp"
#include "device/host/agent/inbox.hpp"
#include "device/host/agent/telemetry.hpp"
#include "device/host/agent/wall_clock.hpp"

namespace ota::agent {

/// Turns the engine's reports into mail for the cloud thread and into events. @thread update
class CloudReports final : public engine::ReportSink {
 public:
  CloudReports(CloudInbox& inbox, EventLog& events, const FetchMeter& meter,
               const WallClock& wall_clock, DeviceFigures& figures) noexcept
      : inbox_(inbox), events_(events), meter_(meter), wall_clock_(wall_clock), figures_(figures) {}

  void report(const contract::Report& report, std::uint32_t outcome_number) noexcept override;

 private:
  void note_phase(const contract::Report& report);
  void note_outcome(const contract::Report& report, std::uint32_t outcome_number);

  CloudInbox& inbox_;
  EventLog& events_;
  const FetchMeter& meter_;
  const WallClock& wall_clock_;
  DeviceFigures& figures_;
  contract::Report last_;
  std::uint32_t last_outcome_ = 0;
  std::string since_;
  bool first_ = true;
};

}  // namespace ota::agent
