#pragma once

// Enrollments whose devices are born into a product and group.

#include <vector>

#include "cloud/rest/dps_client.hpp"
#include "cloud/rollout/fleet.hpp"

namespace ota::rollout {

/// Groups first, then individual ones, each by id.
Outcome<std::vector<rest::Enrollment>> list_enrollments(rest::DpsClient& dps);

/// @param enrollment  its kind, id and, for a group, the authority; the tags are set from `tags`
/// @errors Input: id, authority or tags that cannot be. Conflict: the id exists.
Outcome<Ok> create_enrollment(rest::DpsClient& dps, rest::Enrollment enrollment,
                              const DeviceFilter& tags);

}  // namespace ota::rollout
