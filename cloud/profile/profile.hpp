#pragma once

// How to reach a hub and its storage: written by the local hub or by scripts/setup_resources.sh
// (mode 0600), read by the operator's commands and by people who set up agents.
// AZURE_IOTHUB_CONNECTIONSTRING and AZURE_STORAGE_CONNECTIONSTRING take its place where they are
// set.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace ota::profile {

enum class Kind : std::uint8_t { Local, Azure };

/// A hub has at most so many units (editions S1 and S2; S3 has at most 10).
inline constexpr std::uint32_t kUnitsMax = 200;

struct Profile {
  Kind kind = Kind::Local;  // a profile that does not say it is the local hub's
  std::string tier = {};    // "F1", "S1", "S2" or "S3"; empty: no quotas are known
  std::uint32_t units = 1;  // of that tier, 1 .. kUnitsMax
  std::string iothub_connection_string = {};  // service side
  std::string storage_connection_string = {};
  std::string dps_connection_string = {};  // service side; may be empty
  std::string dps_host =
      {};  // device side: "127.0.0.1:18883", "global.azure-devices-provisioning.net"
  std::string id_scope = {};
  std::string enrollment_group_id = {};
  std::string enrollment_group_key = {};  // base64
  std::string ca_file = {};               // PEM; empty: the system's certificates
};

/// $MCU_OTA_PROFILE, else $XDG_CONFIG_HOME/mcu-ota/profile.toml, else
/// ~/.config/mcu-ota/profile.toml.
std::string default_path();

/// Writes atomically with mode 0600. Errors are sentences that name the file and what to do.
Result<Ok, std::string> write(const Profile& profile, const std::string& path);

/// Errors: missing ("start `mcu-ota hub`, or set ..."), unreadable, malformed (with line and
/// column).
Result<Profile, std::string> read(const std::string& path);

}  // namespace ota::profile
