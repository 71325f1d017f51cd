#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.hpp"

namespace ota::agent {

/// Numbers that the update thread publishes for telemetry.
struct DeviceFigures {
  std::atomic<std::uint32_t> mcu_version{0};
  std::atomic<std::int64_t> flash_erases_max{
      -1};  // of the most worn sector; below zero: nobody counts
};

struct TelemetryValues {
  std::optional<double> temperature_celsius;
  std::optional<std::int64_t> flash_erases_max;
  std::uint32_t mcu_version = 0;
  std::uint64_t bytes_fetched = 0;
  std::int64_t uptime_s = 0;
};

/// The message as JSON; what is not known is left out.
std::string encode_telemetry(const TelemetryValues& values);

/// Reads thousandths of a degree Celsius, as the kernel's thermal zones give them; nothing if there
/// is no such file.
std::optional<double> read_temperature(const std::string& path);

const char* agent_version() noexcept;

}  // namespace ota::agent
