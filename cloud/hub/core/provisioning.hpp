#pragma once

// The device side of DPS: who registers, and which identity and first twin they get.
// Source: "Symmetric key attestation"; "Communicate with DPS using the MQTT protocol";
// "Re-provisioning devices".
//
// Tags of a device come from its enrollment's initialTwin or from an operator, never from the
// payload that the device sends: tags decide which firmware a device gets, so a device must not
// choose them.

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "cloud/hub/core/core.hpp"
#include "cloud/hub/core/enrollments.hpp"
#include "cloud/hub/core/management.hpp"
#include "cloud/hub/core/registry.hpp"
#include "cloud/hub/core/twins.hpp"

namespace ota::hub {

/// What a finished registration says.
struct Registration {
  std::string registration_id;
  std::optional<std::string> enrollment_group_id;
  std::string device_id;
  std::string operation_id;
  std::string substatus;
  std::string attestation;  // "symmetricKey" or "x509"
  std::string etag;
  std::string created;
  std::string updated;
};

class Provisioning {
 public:
  struct Parts {
    const Database& database;
    const Settings& settings;
    Enrollments& enrollments;
    Registry& registry;
    Twins& twins;
    Management& management;
  };
  explicit Provisioning(const Parts& parts) : parts_(parts) {}

  Result<Login, LoginRefusal> login(std::string_view id_scope, const contract::DpsUserName& user,
                                    const Credentials& credentials) const;

  /// Creates or refreshes the device's identity. Nothing: the enrollment is disabled. Errors:
  /// Unauthorized, ArgumentInvalid.
  Outcome<std::optional<Registration>> enroll(const std::string& registration_id,
                                              std::string_view id_scope,
                                              const Credentials& credentials, std::string_view body,
                                              Notices& notices);

  /// Errors: NotFound.
  Outcome<Registration> get(std::string_view registration_id) const;
  /// Of a group, in the order of ids, those behind `after`.
  Outcome<std::vector<Registration>> list(std::string_view enrollment_group_id,
                                          std::string_view after, std::int64_t count_max) const;
  Outcome<Ok> remove(std::string_view registration_id);

  /// The registrationState that devices and services see.
  nlohmann::json to_json(const Registration& registration) const;

 private:
  Outcome<std::optional<Enrollment>> enrollment_of(std::string_view registration_id,
                                                   std::string_view id_scope,
                                                   const Credentials& credentials) const;
  Outcome<std::optional<Enrollment>> enrollment_by_token(std::string_view registration_id,
                                                         std::string_view id_scope,
                                                         std::string_view password) const;
  Outcome<std::optional<Enrollment>> enrollment_by_certificate(
      std::string_view registration_id, const ClientCertificate& certificate) const;
  Outcome<Ok> write_identity(const Device& wanted, const Enrollment& enrollment, Notices& notices);
  Outcome<Registration> record(const std::string& registration_id, const std::string& device_id,
                               const Enrollment& enrollment);

  Parts parts_;
};

}  // namespace ota::hub
