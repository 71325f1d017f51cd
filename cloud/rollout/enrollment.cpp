#include "cloud/rollout/enrollment.hpp"

#include <algorithm>

#include "cloud/rollout/ids.hpp"

namespace ota::rollout {

namespace {

/// Services that take files of certificates would take a key in it, too.
Outcome<Ok> check_certificate(const std::string& pem) {
  const auto refused = [](const char* why) {
    return Failure{.kind = Failure::Kind::Input,
                   .code = "certificate_invalid",
                   .message = std::string("the certificate file ") + why};
  };
  if (pem.find("PRIVATE KEY-----") != std::string::npos) {
    return refused(
        "holds a private key, which stays with you; name a file with the certificate only");
  }
  const std::size_t first = pem.find("-----BEGIN CERTIFICATE-----");
  if (first == std::string::npos) return refused("holds no certificate in PEM form");
  if (pem.find("-----BEGIN CERTIFICATE-----", first + 1) != std::string::npos) {
    return refused("holds several certificates; name a file with the one that counts");
  }
  return Ok{};
}

}  // namespace

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
  if (!enrollment.certificate.empty()) OTA_TRY(check_certificate(enrollment.certificate));
  if (!enrollment.second_certificate.empty()) {
    OTA_TRY(check_certificate(enrollment.second_certificate));
  }
  enrollment.tags.clear();
  if (!tags.product.empty()) enrollment.tags[tag::kProduct] = tags.product;
  if (!tags.group.empty()) enrollment.tags[tag::kGroup] = tags.group;
  const auto created = dps.create(enrollment);
  if (created) return Ok{};
  Failure failure = failure_of(created.error());
  if (failure.kind == Failure::Kind::Conflict) {
    const bool group = enrollment.kind == rest::EnrollmentKind::Group;
    failure.message = "there is an enrollment '" + enrollment.id +
                      "' already; look at it with `mcu-ota enrollment show " +
                      (group ? "group " : "individual ") + enrollment.id +
                      "` (--key-file FILE writes its key), or take another id";
  }
  return failure;
}

Outcome<Ok> delete_enrollment(rest::DpsClient& dps, rest::EnrollmentKind kind,
                              std::string_view id) {
  OTA_TRY(check_enrollment_id(id));
  OTA_TRY(const auto enrollment, outcome_of(dps.get(kind, id)));
  return outcome_of(dps.remove(kind, id, enrollment.etag));
}

Outcome<rest::Enrollment> set_provisioning(rest::DpsClient& dps, rest::EnrollmentKind kind,
                                           std::string_view id, Provisioning provisioning) {
  OTA_TRY(check_enrollment_id(id));
  return outcome_of(
      dps.set_status(kind, id, provisioning == Provisioning::Enabled ? "enabled" : "disabled"));
}

}  // namespace ota::rollout
