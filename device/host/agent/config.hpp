#pragma once

// The agent's configuration file (TOML). mcu-ota-agent.example.toml shows every key.

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "device/host/net/endpoint.hpp"
#include "device/host/net/timing.hpp"

namespace ota::agent {

struct DpsConfig {
  std::string host = "global.azure-devices-provisioning.net";
  std::string id_scope;
  std::string
      group_key_file;    // symmetric-key enrollment group: the device's key is derived from it
  std::string key_file;  // individual enrollment: the device's own key
  std::string group_key = {};  // base64, of a profile: where no other proof is given
};

struct FlashConfig {
  enum class Kind : std::uint8_t { File, Spi };
  Kind kind = Kind::File;
  std::string path;            // file: the 16 MiB image of the simulated part
  std::uint32_t clock_hz = 0;  // file: bus clock of the simulated part
  std::string device;          // spi: "/dev/spidev0.0"
  std::uint32_t speed_hz = 0;  // spi
  std::string gpio_chip;       // spi: chip select by GPIO; empty: the controller's own
  std::uint32_t gpio_line = 0;
  Duration erase_ahead_after = std::chrono::minutes(10);  // of rest; 0: never
};

struct McuConfig {
  enum class Programmer : std::uint8_t { StoreOnly, Command };
  Programmer programmer = Programmer::StoreOnly;
  std::string program;          // a shell command line that takes the image on standard input
  std::string version_command;  // prints the version that the MCU runs
  Duration confirm_timeout = std::chrono::seconds(120);
  Duration confirm_interval = std::chrono::seconds(2);
  Duration version_timeout = std::chrono::seconds(10);
  Duration program_pause = std::chrono::seconds(10);  // before a failed programming is repeated
};

struct NetworkConfig {
  std::optional<net::Endpoint> proxy;                   // SOCKS5, for MQTT and HTTPS alike
  Duration connect_timeout = std::chrono::seconds(30);  // until a server has let us in
  Duration stall_timeout = std::chrono::seconds(60);    // a download that does not move
  net::Timing timing;
};

struct Config {
  std::string device_id;  // also the registration id in DPS
  std::string product;    // offers for another product are refused; empty: any is taken

  std::optional<DpsConfig> dps;
  std::string connection_string_file;
  Duration sas_lifetime = std::chrono::hours(1);

  std::string ca_file;  // empty: the system's certificates
  std::string cert_file;
  std::string key_file;
  bool allow_http = false;

  FlashConfig flash;
  McuConfig mcu;
  NetworkConfig network;
  std::uint64_t max_rate_bytes = 0;  // per second; 0: no limit
  Duration telemetry_interval = std::chrono::seconds(60);
  std::string temperature_file;  // thousandths of a degree Celsius, as in /sys/class/thermal
  std::string state_file;
  std::string log_level = "info";
};

/// How to reach the hub, as the operator's profile says it: counts where the file is silent.
struct HubProfile {
  std::string dps_host;
  std::string id_scope;
  std::string group_key;  // base64; empty: devices of that hub prove themselves by certificates
  std::string ca_file;
};

/// What the command line says instead of the file.
struct ConfigOverrides {
  std::string log_level;
  std::string cert_file;
  std::string key_file;
  std::string ca_file;
  std::optional<HubProfile> profile = {};
  bool connects = true;  // false for commands that need no login, such as those for the flash
};

inline constexpr const char* kConnectionStringVariable = "MCU_OTA_DEVICE_CONNECTION_STRING";

/// Reads and checks the file. Names of files in it are relative to its folder. The error has one
/// line per mistake, each with file, line, column and what is expected.
Result<Config, std::string> load_config(const std::string& path, const ConfigOverrides& overrides);

/// The same from text; `path` names it in errors.
Result<Config, std::string> parse_config(std::string_view text, const std::string& path,
                                         const ConfigOverrides& overrides);

}  // namespace ota::agent
