#pragma once

// Failures in the forms that clients read. Source: Azure/azure-iot-hub-node, DPS "Communicate using
// the MQTT protocol".

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cloud/hub/core/core.hpp"
#include "cloud/hub/state/failure.hpp"

namespace ota::hub {

/// {"errorCode":..,"trackingId":..,"message":..,"timestampUtc":..}: bodies of twin topics and of
/// DPS.
std::string failure_body(const Failure& failure, contract::UnixSeconds now);

/// The answer on a twin topic, which knows 400 but not 413.
Answer twin_failure(const Failure& failure, contract::UnixSeconds now);
Answer dps_failure(const Failure& failure, contract::UnixSeconds now);

// The three states of a registration that DPS tells a device.
Answer dps_assigning(const std::string& operation_id);
Answer dps_assigned(const std::string& operation_id, const nlohmann::json& registration_state);
Answer dps_disabled(const std::string& registration_id);

}  // namespace ota::hub
