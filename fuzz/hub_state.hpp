#pragma once

// A hub in memory for fuzz targets: opened once, emptied before each input.

#include <string>

#include "base/encoding.hpp"
#include "cloud/hub/core/hub.hpp"
#include "cloud/hub/core/rest.hpp"
#include "contract/azure/sas.hpp"
#include "fuzz/require.hpp"

namespace ota::fuzz {

inline constexpr contract::UnixSeconds kHubNow = 1'800'000'000;

inline hub::Settings hub_settings() {
  return {.state_directory = {},
          .host_names = {"hub.local", "127.0.0.1"},
          .mqtt_port = 18883,
          .https_port = 18443,
          .now = [] { return kHubNow; }};
}

inline hub::Hub& empty_hub() {
  static hub::Hub hub(hub_settings(), [] {
    auto database = hub::Database::open_in_memory();
    require(database.has_value());
    return std::move(database).value();
  }());
  static const bool prepared = hub::prepare_state(hub).has_value();
  require(prepared);
  // The default enrollment group stays: its keys cost time.
  const auto emptied = hub.database.run_script(
      "DELETE FROM target; DELETE FROM device_base; DELETE FROM configuration; DELETE FROM "
      "registration;"
      "DELETE FROM job; DELETE FROM enrollment WHERE id <> 'devices'");
  require(emptied.has_value());
  hub.activity.clear();
  require(hub.messages.load().has_value());
  hub.management.forget_rules();
  return hub;
}

inline std::string service_token(const hub::Hub& hub, hub::Service service) {
  const char* const policy =
      service == hub::Service::Hub ? "iothubowner" : "provisioningserviceowner";
  const auto key = hub.policies.primary_key(service, policy);
  require(key.has_value());
  return contract::make_hub_sas("hub.local", from_base64(key.value()).value(), kHubNow + 3600,
                                policy);
}

}  // namespace ota::fuzz
