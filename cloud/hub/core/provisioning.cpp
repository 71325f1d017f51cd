#include "cloud/hub/core/provisioning.hpp"

#include <nlohmann/json.hpp>

#include "base/encoding.hpp"
#include "cloud/hub/core/hub.hpp"
#include "cloud/hub/core/secrets.hpp"
#include "cloud/hub/core/tokens.hpp"
#include "cloud/hub/twin/json_text.hpp"

namespace ota::hub {

namespace {

using nlohmann::json;

constexpr JsonLimits kPayloadLimits{.bytes_max = 96 * 1024, .depth_max = 32};
constexpr std::int64_t kGroupsMax = 100;
constexpr std::string_view kColumns =
    "registration_id, enrollment_group_id, device_id, operation_id, substatus, attestation, etag, "
    "created, updated";

const Failure kUnauthorizedDevice{code::kUnauthorized, "Unauthorized"};

Registration read_row(const Statement& row) {
  return {.registration_id = row.text(0),
          .enrollment_group_id = row.optional_text(1),
          .device_id = row.text(2),
          .operation_id = row.text(3),
          .substatus = row.text(4),
          .attestation = row.text(5),
          .etag = row.text(6),
          .created = row.text(7),
          .updated = row.text(8)};
}

std::string derived(const std::string& group_key, std::string_view registration_id) {
  const auto key = from_base64(group_key);
  return key ? contract::derive_device_key(*key, registration_id) : std::string{};
}

/// The identity that an enrollment gives to a registration.
Device identity_for(const Enrollment& enrollment, const std::string& registration_id,
                    const ClientCertificate* certificate) {
  const json document = stored_json(enrollment.document);
  const bool group = enrollment.kind == EnrollmentKind::Group;
  Device device;
  device.id = group ? registration_id : document.value("deviceId", registration_id);
  const json capabilities = document.value("capabilities", json::object());
  device.iot_edge = capabilities.is_object() && capabilities.value("iotEdge", json(false)) == true;
  if (enrollment.symmetric) {
    device.primary_key =
        group ? derived(enrollment.primary_key, registration_id) : enrollment.primary_key;
    device.secondary_key =
        group ? derived(enrollment.secondary_key, registration_id) : enrollment.secondary_key;
  } else {
    device.authentication_type = "selfSigned";
    device.primary_thumbprint = certificate->sha256_thumbprint;
  }
  return device;
}

/// The initial twin in the form of a service's twin patch.
json first_twin(const Enrollment& enrollment) {
  json twin = stored_json(enrollment.document).value("initialTwin", json::object());
  const auto clean = [](json& collection) {
    for (const char* reserved : {"version", "count", "metadata"}) collection.erase(reserved);
  };
  if (twin.contains("tags") && twin["tags"].is_object()) clean(twin["tags"]);
  if (twin.contains("properties") && twin["properties"].contains("desired") &&
      twin["properties"]["desired"].is_object()) {
    clean(twin["properties"]["desired"]);
  }
  return twin;
}

}  // namespace

Result<Login, LoginRefusal> Provisioning::login(std::string_view id_scope,
                                                const contract::DpsUserName& user,
                                                const Credentials& credentials) const {
  if (credentials.client_id != user.registration_id || !is_registration_id(user.registration_id)) {
    return LoginRefusal::IdentifierRejected;
  }
  if (user.id_scope != id_scope) return LoginRefusal::NotAuthorized;
  const auto enrollment = enrollment_of(user.registration_id, id_scope, credentials);
  if (!enrollment || !enrollment.value()) return LoginRefusal::NotAuthorized;
  Login login{.id = user.registration_id, .expires = std::nullopt};
  const auto now = parts_.settings.now();
  if (const auto token = contract::parse_hub_sas(credentials.password))
    login.expires = session_end(*token, now);
  return login;
}

Outcome<std::optional<Enrollment>> Provisioning::enrollment_of(
    std::string_view registration_id, std::string_view id_scope,
    const Credentials& credentials) const {
  if (!credentials.password.empty())
    return enrollment_by_token(registration_id, id_scope, credentials.password);
  if (credentials.certificate != nullptr)
    return enrollment_by_certificate(registration_id, *credentials.certificate);
  return std::optional<Enrollment>{};
}

Outcome<std::optional<Enrollment>> Provisioning::enrollment_by_token(
    std::string_view registration_id, std::string_view id_scope, std::string_view password) const {
  const std::optional<Enrollment> none;
  const auto token = contract::parse_hub_sas(password);
  if (!token || has_expired(*token, parts_.settings.now())) return none;
  if (!token->policy.empty() && token->policy != "registration") return none;
  const std::string resource =
      std::string(id_scope) + "/registrations/" + std::string(registration_id);
  if (!equal_ignoring_case(token->resource, resource)) return none;
  OTA_TRY(auto individual, parts_.enrollments.find(EnrollmentKind::Individual, registration_id));
  if (individual) {
    // An individual enrollment overrides every group, also when it does not match.
    const bool proven = individual->symmetric && (signed_by(*token, individual->primary_key) ||
                                                  signed_by(*token, individual->secondary_key));
    return proven ? individual : none;
  }
  OTA_TRY(const auto groups, parts_.enrollments.list(EnrollmentKind::Group, "", kGroupsMax));
  for (const Enrollment& group : groups) {
    if (group.symmetric && (signed_by(*token, derived(group.primary_key, registration_id)) ||
                            signed_by(*token, derived(group.secondary_key, registration_id)))) {
      return std::optional<Enrollment>{group};
    }
  }
  return none;
}

Outcome<std::optional<Enrollment>> Provisioning::enrollment_by_certificate(
    std::string_view registration_id, const ClientCertificate& certificate) const {
  const std::optional<Enrollment> none;
  if (!equal_ignoring_case(certificate.common_name, registration_id)) return none;
  const auto now = parts_.settings.now();
  OTA_TRY(auto individual, parts_.enrollments.find(EnrollmentKind::Individual, registration_id));
  if (individual)
    return !individual->symmetric && names_certificate(*individual, certificate, now) ? individual
                                                                                      : none;
  OTA_TRY(const auto groups, parts_.enrollments.list(EnrollmentKind::Group, "", kGroupsMax));
  for (const Enrollment& group : groups) {
    if (!group.symmetric && names_certificate(group, certificate, now))
      return std::optional<Enrollment>{group};
  }
  return none;
}

Outcome<std::optional<Registration>> Provisioning::enroll(const std::string& registration_id,
                                                          std::string_view id_scope,
                                                          const Credentials& credentials,
                                                          std::string_view body, Notices& notices) {
  OTA_TRY(const json request, parse_json_object(body, kPayloadLimits));
  const auto id = request.find("registrationId");
  if (id != request.end() &&
      (!id->is_string() || !equal_ignoring_case(id->get<std::string>(), registration_id))) {
    return Failure{code::kArgumentInvalid,
                   "registrationId in the body differs from the connection's"};
  }
  OTA_TRY(const auto enrollment, enrollment_of(registration_id, id_scope, credentials));
  if (!enrollment) return kUnauthorizedDevice;
  if (!enrollment->enabled) return std::optional<Registration>{};
  const Device wanted = identity_for(*enrollment, registration_id, credentials.certificate);
  OTA_TRY(write_identity(wanted, *enrollment, notices));
  OTA_TRY(auto registration, record(registration_id, wanted.id, *enrollment));
  return std::optional<Registration>{std::move(registration)};
}

Outcome<Ok> Provisioning::write_identity(const Device& wanted, const Enrollment& enrollment,
                                         Notices& notices) {
  OTA_TRY(const auto existing, parts_.registry.find(wanted.id));
  if (existing) {
    // The twin and an operator's decision to disable the device stay; the enrollment decides about
    // credentials.
    Device device = *existing;
    device.authentication_type = wanted.authentication_type;
    device.primary_key = wanted.primary_key;
    device.secondary_key = wanted.secondary_key;
    device.primary_thumbprint = wanted.primary_thumbprint;
    device.secondary_thumbprint = wanted.secondary_thumbprint;
    if (!device.shuts_out(*existing)) return Ok{};
    OTA_TRY(parts_.registry.update(device));
    notices.close(device.id, "the device was provisioned again with other credentials");
    return Ok{};
  }
  OTA_TRY(parts_.registry.create(wanted));
  OTA_TRY(parts_.twins.write(wanted.id, first_twin(enrollment), Twins::Write::Merge, std::nullopt,
                             notices));
  return parts_.management.device_changed(
      wanted.id, {.created = true, .tags = false, .desired = false, .reported = false}, notices);
}

Outcome<Registration> Provisioning::record(const std::string& registration_id,
                                           const std::string& device_id,
                                           const Enrollment& enrollment) {
  const std::string now = contract::to_iso8601(parts_.settings.now());
  const bool group = enrollment.kind == EnrollmentKind::Group;
  const Registration registration{
      .registration_id = registration_id,
      .enrollment_group_id = group ? std::optional<std::string>(enrollment.id) : std::nullopt,
      .device_id = device_id,
      .operation_id = "4." + random_hex(16) + "." + random_guid(),
      .substatus = "initialAssignment",
      .attestation = enrollment.symmetric ? "symmetricKey" : "x509",
      .etag = random_etag(),
      .created = now,
      .updated = now,
  };
  OTA_TRY(parts_.database.execute(
      "INSERT INTO registration (registration_id, enrollment_group_id, device_id, operation_id, "
      "substatus, attestation, etag,"
      " created, updated) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8) ON CONFLICT "
      "(registration_id) DO UPDATE SET"
      " enrollment_group_id = ?2, device_id = ?3, operation_id = ?4, substatus = ?5, attestation = "
      "?6, etag = ?7, updated = ?8",
      {registration.registration_id, registration.enrollment_group_id, registration.device_id,
       registration.operation_id, registration.substatus, registration.attestation,
       registration.etag, now}));
  return get(registration_id);
}

Outcome<Registration> Provisioning::get(std::string_view registration_id) const {
  OTA_TRY(auto row, parts_.database.query("SELECT " + std::string(kColumns) +
                                              " FROM registration WHERE registration_id = ?1",
                                          {registration_id}));
  OTA_TRY(const bool found, row.step());
  if (!found)
    return Failure{code::kNotFound, "there is no registration " + std::string(registration_id)};
  return read_row(row);
}

Outcome<std::vector<Registration>> Provisioning::list(std::string_view enrollment_group_id,
                                                      std::string_view after,
                                                      std::int64_t count_max) const {
  OTA_TRY(auto row,
          parts_.database.query("SELECT " + std::string(kColumns) +
                                    " FROM registration WHERE enrollment_group_id = ?1 AND"
                                    " registration_id > ?2 ORDER BY registration_id LIMIT ?3",
                                {enrollment_group_id, after, count_max}));
  std::vector<Registration> registrations;
  for (;;) {
    OTA_TRY(const bool more, row.step());
    if (!more) return registrations;
    registrations.push_back(read_row(row));
  }
}

Outcome<Ok> Provisioning::remove(std::string_view registration_id) {
  OTA_TRY(parts_.database.execute("DELETE FROM registration WHERE registration_id = ?1",
                                  {registration_id}));
  return Ok{};
}

json Provisioning::to_json(const Registration& registration) const {
  json state = {
      {"registrationId", registration.registration_id},
      {"createdDateTimeUtc", registration.created},
      {"assignedHub", host_with_port(parts_.settings, parts_.settings.mqtt_port, 8883)},
      {"deviceId", registration.device_id},
      {"status", "assigned"},
      {"substatus", registration.substatus},
      {"lastUpdatedDateTimeUtc", registration.updated},
      {"etag", registration.etag},
  };
  if (registration.enrollment_group_id) {
    state[registration.attestation]["enrollmentGroupId"] = *registration.enrollment_group_id;
  }
  return state;
}

}  // namespace ota::hub
