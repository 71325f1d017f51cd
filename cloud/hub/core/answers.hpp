#pragma once

// Failures in the forms that clients read. Source: Azure/azure-iot-hub-node, DPS "Communicate using
// the MQTT protocol".

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

}  // namespace ota::hub
