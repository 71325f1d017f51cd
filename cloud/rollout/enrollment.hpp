#pragma once

// Enrollments whose devices are born into a product and group.

#include <string_view>
#include <vector>

#include "cloud/rest/dps_client.hpp"
#include "cloud/rollout/fleet.hpp"

namespace ota::rollout {

/// Groups first, then individual ones, each by id.
Outcome<std::vector<rest::Enrollment>> list_enrollments(rest::DpsClient& dps);

/// @errors Input: id or tags that cannot be. Conflict: the id exists.
Outcome<Ok> create_enrollment(rest::DpsClient& dps, rest::EnrollmentKind kind, std::string_view id,
                              const DeviceFilter& tags);

}  // namespace ota::rollout
