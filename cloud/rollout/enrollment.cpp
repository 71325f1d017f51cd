#include "cloud/rollout/enrollment.hpp"

#include <algorithm>

#include "cloud/rollout/ids.hpp"

namespace ota::rollout {

Outcome<std::vector<rest::Enrollment>> list_enrollments(rest::DpsClient& dps) {
  std::vector<rest::Enrollment> out;
  for (const auto kind : {rest::EnrollmentKind::Group, rest::EnrollmentKind::Individual}) {
    OTA_TRY(auto some, outcome_of(dps.list(kind)));
    std::sort(some.begin(), some.end(),
              [](const rest::Enrollment& a, const rest::Enrollment& b) { return a.id < b.id; });
    std::move(some.begin(), some.end(), std::back_inserter(out));
  }
  return out;
}

Outcome<Ok> create_enrollment(rest::DpsClient& dps, rest::Enrollment enrollment,
                              const DeviceFilter& tags) {
  OTA_TRY(check_enrollment_id(enrollment.id));
  OTA_TRY(check_tags(tags));
  if (enrollment.kind == rest::EnrollmentKind::Individual && !enrollment.ca_reference.empty()) {
    return Failure{.kind = Failure::Kind::Input,
                   .code = "authority_of_one_device",
                   .message = "an authority vouches for a group, not for the single device '" +
                              enrollment.id + "'; create a group, or leave the authority out"};
  }
  enrollment.tags.clear();
  if (!tags.product.empty()) enrollment.tags[tag::kProduct] = tags.product;
  if (!tags.group.empty()) enrollment.tags[tag::kGroup] = tags.group;
  return outcome_of(dps.create(enrollment));
}

}  // namespace ota::rollout
