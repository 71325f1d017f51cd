#pragma once

#include <string_view>

#include "cloud/rollout/failure.hpp"

namespace ota::rollout {

/// Device ids of IoT Hub: 1 .. 128 of letters, digits and - . + % _ # * ? ! ( ) , : = @ $ '
/// @errors Input
Outcome<Ok> check_device_id(std::string_view id);

/// Enrollment groups and registration ids of DPS: 1 .. 128 of letters, digits and - . _ :
/// @errors Input
Outcome<Ok> check_enrollment_id(std::string_view id);

}  // namespace ota::rollout
