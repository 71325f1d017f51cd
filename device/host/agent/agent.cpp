#include "device/host/agent/agent.hpp"

#include <pthread.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <thread>

#include "device/host/agent/cloud_access.hpp"
#include "device/host/agent/cloud_loop.hpp"
#include "device/host/agent/cloud_reports.hpp"
#include "device/host/agent/device.hpp"
#include "device/host/agent/device_locks.hpp"
#include "device/host/agent/telemetry.hpp"
#include "device/host/agent/update_loop.hpp"

namespace ota::agent {
namespace {

ExitCode give_up(const std::string& why, ExitCode code) {
  spdlog::error("{}", why);
  return code;
}

/// Signals that end the agent; every thread leaves them to wait_for_end().
sigset_t block_signals() {
  std::signal(SIGPIPE, SIG_IGN);  // A peer that has gone is an error code, not the end.
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  return ending;
}

void wait_for_end(const sigset_t& ending) {
  int signal = 0;
  while (sigwait(&ending, &signal) != 0) {
  }
  spdlog::info("signal {}: ending", signal);
}

/// Everything that lives as long as the agent runs.
class Agent {
 public:
  Agent(const Config& config, CloudAccess access, FlashPort& flash, EventLog& events,
        const RunOptions& options)
      : config_(config),
        flash_(flash),
        events_(events),
        state_(config.state_file),
        wall_clock_(state_.saved_at()),
        meter_(config.state_file + ".fetched"),
        reports_(cloud_inbox_, events, meter_, wall_clock_, figures_),
        device_(config, {flash, reports_, state_, events, meter_, options.event_bytes}),
        random_(random_seed()),
        update_loop_({update_inbox_, device_.updater(), device_.store(), meter_, events, clock_},
                     [this] { publish_figures(); }),
        cloud_loop_(std::move(access),
                    {cloud_inbox_, update_inbox_, state_, wall_clock_, events, clock_, random_},
                    {config.telemetry_interval, [this] { return telemetry(); }}) {
    if (wall_clock_.is_set()) state_.set_time(wall_clock_.now());
  }

  void run(const sigset_t& ending) {
    std::thread updates([this] { update_loop_.run(); });
    std::thread cloud([this] { cloud_loop_.run(); });
    wait_for_end(ending);
    update_inbox_.put_stop();
    updates.join();  // Programming, once begun, is finished first.
    cloud_inbox_.put_stop();
    cloud.join();
  }

 private:
  /// On the update thread, which alone may look at the flash.
  void publish_figures() {
    if (const auto erases = flash_.erases_max()) figures_.flash_erases_max = *erases;
  }

  /// On the cloud thread.
  std::string telemetry() {
    TelemetryValues values;
    values.temperature_celsius = read_temperature(config_.temperature_file);
    const std::int64_t erases = figures_.flash_erases_max;
    if (erases >= 0) values.flash_erases_max = erases;
    values.mcu_version = figures_.mcu_version;
    values.bytes_fetched = meter_.bytes();
    values.uptime_s =
        std::chrono::duration_cast<std::chrono::seconds>(clock_.now() - started_).count();
    return encode_telemetry(values);
  }

  const Config& config_;
  FlashPort& flash_;
  EventLog& events_;
  SteadyClock clock_;
  Instant started_ = clock_.now();
  CloudInbox cloud_inbox_;
  UpdateInbox update_inbox_;
  StateFile state_;
  WallClock wall_clock_;
  FetchMeter meter_;
  DeviceFigures figures_;
  CloudReports reports_;
  Device device_;
  SplitMix64 random_;  // of the cloud thread
  UpdateLoop update_loop_;
  CloudLoop cloud_loop_;
};

}  // namespace

ExitCode exit_code_of(const FileLock::Error& error) noexcept {
  return error.failure == FileLock::Failure::HeldByAnother ? ExitCode::Conflict : ExitCode::Usage;
}

ExitCode run_agent(const Config& config, const OpenFlash& open_flash, const RunOptions& options) {
  const sigset_t ending = block_signals();
  const auto locks = DeviceLocks::acquire(config);
  if (!locks) return give_up(locks.error().detail, exit_code_of(locks.error()));
  auto access = resolve_access(config);
  if (!access) return give_up(access.error(), ExitCode::Usage);
  auto events = EventLog::open(options.events);
  if (!events) return give_up(events.error(), ExitCode::Usage);
  auto flash = open_flash(config.flash);
  if (!flash) return give_up(flash.error(), ExitCode::Usage);

  spdlog::info("mcu-ota-agent {} starts", agent_version());
  (*events)->write("started", {{"agent", std::string_view(agent_version())}});
  const auto agent =
      std::make_unique<Agent>(config, std::move(*access), **flash, **events, options);
  agent->run(ending);
  (*events)->write("stopped");
  return ExitCode::Ok;
}

}  // namespace ota::agent
