#pragma once

// Enrollments whose devices are born into a product and group.

#include <string_view>
#include <vector>

#include "cloud/rest/dps_client.hpp"
#include "cloud/rollout/fleet.hpp"

namespace ota::rollout {

/// Groups first, then individual ones, each by id.
Outcome<std::vector<rest::Enrollment>> list_enrollments(rest::DpsClient& dps);

/// @param enrollment  its kind, id and, unless it has a symmetric key, certificates or, for a
///                    group, the authority; the tags are set from `tags`
/// @errors Input: id, authority or tags that cannot be. Conflict: the id exists.
Outcome<Ok> create_enrollment(rest::DpsClient& dps, rest::Enrollment enrollment,
                              const DeviceFilter& tags);

/// Deletes the state of it that is there now, and no other.
/// @errors NotFound. Conflict: somebody else changed it at the same moment.
Outcome<Ok> delete_enrollment(rest::DpsClient& dps, rest::EnrollmentKind kind, std::string_view id);

enum class Provisioning { Enabled, Disabled };

/// Lets its devices provision themselves, or no longer.
/// @errors NotFound. Conflict: somebody else changed it at the same moment.
Outcome<rest::Enrollment> set_provisioning(rest::DpsClient& dps, rest::EnrollmentKind kind,
                                           std::string_view id, Provisioning provisioning);

}  // namespace ota::rollout
