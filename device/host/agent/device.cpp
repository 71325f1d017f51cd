#include "device/host/agent/device.hpp"

#include <spdlog/spdlog.h>

#include <random>

#include "device/core/mcu/store_only.hpp"
#include "device/host/agent/telemetry.hpp"
#include "device/host/command/command_programmer.hpp"

namespace ota::agent {
namespace {

using ProgrammerPtr = std::unique_ptr<mcu::Programmer, void (*)(mcu::Programmer*)>;

/// mcu::Programmer is not owned through its interface, so the pointer knows what it holds.
template <class Kind, class... Arguments>
ProgrammerPtr make(Arguments&&... arguments) {
  return {new Kind(std::forward<Arguments>(arguments)...),
          [](mcu::Programmer* programmer) { delete static_cast<Kind*>(programmer); }};
}

ProgrammerPtr make_programmer(const Config& config) {
  const McuConfig& mcu = config.mcu;
  if (mcu.programmer == McuConfig::Programmer::StoreOnly) return make<mcu::StoreOnlyProgrammer>();
  command::ProgrammerSettings settings;
  settings.program = command::Command::shell(mcu.program);
  if (!mcu.version_command.empty()) {
    settings.version = command::Command::shell(mcu.version_command);
  }
  settings.lock_file = config.state_file + ".mcu";
  settings.version_timeout =
      std::chrono::duration_cast<std::chrono::milliseconds>(mcu.version_timeout);
  settings.log = [](const std::string& text) { spdlog::warn("mcu: {}", text); };
  return make<command::CommandProgrammer>(std::move(settings));
}

net::CurlSettings transport_settings(const Config& config) {
  net::CurlSettings settings;
  settings.ca_file = config.ca_file;
  settings.allow_http = config.allow_http;
  if (config.network.proxy) settings.proxy = "socks5h://" + net::to_text(*config.network.proxy);
  settings.connect_timeout = config.network.connect_timeout;
  settings.low_speed_time = config.network.stall_timeout;
  settings.max_rate_bytes = config.max_rate_bytes;
  settings.user_agent = std::string("mcu-ota-agent/") + agent_version();
  return settings;
}

engine::Settings engine_settings(const Config& config) {
  engine::Settings settings;
  settings.product = std::string_view(config.product);
  settings.confirm_timeout = config.mcu.confirm_timeout;
  settings.confirm_interval = config.mcu.confirm_interval;
  settings.program_pause = config.mcu.program_pause;
  settings.erase_ahead_after = config.flash.erase_ahead_after;
  settings.retry_max = config.network.timing.retry_max;
  return settings;
}

}  // namespace

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32U) | device();
}

Device::Device(const Config& config, const Ports& ports)
    : random_(random_seed()),
      flash_(ports.flash.bus()),
      store_(flash_),
      curl_(transport_settings(config)),
      transport_(curl_, ports.meter, ports.events, ports.event_bytes),
      programmer_(make_programmer(config)),
      updater_(store_, transport_, *programmer_, ports.reports, ports.truth, clock_, random_,
               engine_settings(config)) {}

}  // namespace ota::agent
