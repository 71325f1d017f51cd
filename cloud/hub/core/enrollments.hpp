#pragma once

// Who may be provisioned: individual enrollments and enrollment groups of DPS.
// Source: "Azure IoT Hub Device Provisioning Service", service REST 2021-10-01.

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/hub/core/core.hpp"
#include "cloud/hub/state/database.hpp"

namespace ota::hub {

enum class EnrollmentKind : std::uint8_t { Individual, Group };

struct Enrollment {
  EnrollmentKind kind = EnrollmentKind::Individual;
  std::string id;  // registration id, or the group's id
  std::string etag;
  bool enabled = true;
  bool symmetric = true;  // otherwise X.509
  std::string primary_key;
  std::string secondary_key;
  std::string document;  // JSON: everything else that clients see, and the certificates
  std::string created;
  std::string updated;
};

class Enrollments {
 public:
  Enrollments(const Database& database, const Settings& settings)
      : database_(database), settings_(settings) {}

  Outcome<std::optional<Enrollment>> find(EnrollmentKind kind, std::string_view id) const;
  /// Errors: NotFound.
  Outcome<Enrollment> get(EnrollmentKind kind, std::string_view id) const;
  /// In the order of ids, those behind `after`.
  Outcome<std::vector<Enrollment>> list(EnrollmentKind kind, std::string_view after,
                                        std::int64_t count_max) const;

  /// Creates (no If-Match) or updates. Errors: NotFound, PreconditionFailed, ArgumentInvalid.
  Outcome<Enrollment> put(EnrollmentKind kind, const std::string& id, const nlohmann::json& body,
                          std::optional<std::string_view> if_match);
  Outcome<Ok> remove(EnrollmentKind kind, std::string_view id,
                     std::optional<std::string_view> if_match);

 private:
  const Database& database_;
  const Settings& settings_;
};

/// As the service REST shows it, without keys.
nlohmann::json to_json(const Enrollment& enrollment);
/// The attestation with its symmetric keys.
nlohmann::json attestation_with_keys(const Enrollment& enrollment);

/// Whether the enrollment names this certificate: the device's own for an individual one, an
/// authority that it leads to for a group.
bool names_certificate(const Enrollment& enrollment, const ClientCertificate& certificate,
                       contract::UnixSeconds now);

/// Letters, digits and - . _ :, at most 128, the last one a letter, a digit or '-'.
bool is_registration_id(std::string_view id);

}  // namespace ota::hub
