#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cloud/rollout/fleet.hpp"
#include "cloud/rollout/status.hpp"
#include "contract/azure/sas.hpp"

namespace ota::cli {

/// One row per device: where it belongs, what it runs and does, and for how long.
std::string device_table(const std::vector<rollout::DeviceState>& devices,
                         contract::UnixSeconds now);

/// All that is known of one device, a line each.
std::string device_text(const rollout::DeviceState& device, contract::UnixSeconds now);

nlohmann::json device_json(const rollout::DeviceState& device);

/// One rollout with its devices: a whole document.
nlohmann::json detail_json(const rollout::RolloutDetail& detail);

}  // namespace ota::cli
