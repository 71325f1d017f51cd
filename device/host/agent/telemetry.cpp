#include "device/host/agent/telemetry.hpp"

#include <fstream>
#include <nlohmann/json.hpp>

namespace ota::agent {

std::string encode_telemetry(const TelemetryValues& values) {
  nlohmann::ordered_json json;
  if (values.temperature_celsius) json["temperature"] = *values.temperature_celsius;
  if (values.flash_erases_max) json["flashErasesMax"] = *values.flash_erases_max;
  json["mcuVersion"] = values.mcu_version;
  json["bytesFetched"] = values.bytes_fetched;
  json["uptimeSeconds"] = values.uptime_s;
  json["agentVersion"] = agent_version();
  return json.dump();
}

std::optional<double> read_temperature(const std::string& path) {
  std::ifstream stream(path);
  long millidegrees = 0;
  if (!(stream >> millidegrees)) return std::nullopt;
  return static_cast<double>(millidegrees) / 1000.0;
}

const char* agent_version() noexcept { return OTA_AGENT_VERSION; }

}  // namespace ota::agent
