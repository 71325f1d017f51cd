#pragma once

// Shared access policies: named keys with rights. Source: "Control access to IoT Hub with shared
// access signatures".

#include <cstdint>
#include <string>
#include <string_view>

#include "cloud/hub/state/database.hpp"
#include "contract/azure/sas.hpp"

namespace ota::hub {

enum class Right : std::uint8_t {
  RegistryRead = 1,
  RegistryWrite = 2,
  ServiceConnect = 4,
  DeviceConnect = 8,
  EnrollmentRead = 16,
  EnrollmentWrite = 32,
};

enum class Service : std::uint8_t { Hub, Dps };

class Policies {
 public:
  explicit Policies(const Database& database) : database_(database) {}

  /// Makes the policies that a new IoT Hub and a new DPS have, with fresh keys.
  Outcome<Ok> create_defaults();

  /// Whether the token's policy exists, signed it, and grants at least one of the rights.
  Outcome<bool> grants(Service service, const contract::HubSas& token,
                       std::initializer_list<Right> any_of) const;

  Outcome<std::string> primary_key(Service service, std::string_view name) const;

 private:
  const Database& database_;
};

}  // namespace ota::hub
