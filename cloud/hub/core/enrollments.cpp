#include "cloud/hub/core/enrollments.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <nlohmann/json.hpp>

#include "base/encoding.hpp"
#include "base/text.hpp"
#include "cloud/hub/core/secrets.hpp"
#include "cloud/hub/core/twins.hpp"
#include "cloud/hub/twin/json_text.hpp"
#include "cloud/hub/twin/twin.hpp"
#include "cloud/hub/x509/certificate.hpp"

namespace ota::hub {

namespace {

using nlohmann::json;

constexpr std::string_view kColumns =
    "kind, id, etag, status, attestation, primary_key, secondary_key, document, created, updated";

std::string_view name_of(EnrollmentKind kind) {
  return kind == EnrollmentKind::Individual ? "individual" : "group";
}

const char* id_member(EnrollmentKind kind) {
  return kind == EnrollmentKind::Individual ? "registrationId" : "enrollmentGroupId";
}

const char* certificates_member(EnrollmentKind kind) {
  return kind == EnrollmentKind::Individual ? "clientCertificates" : "signingCertificates";
}

Enrollment read_row(const Statement& row) {
  return {.kind = row.text(0) == "group" ? EnrollmentKind::Group : EnrollmentKind::Individual,
          .id = row.text(1),
          .etag = row.text(2),
          .enabled = row.text(3) == "enabled",
          .symmetric = row.text(4) == "symmetricKey",
          .primary_key = row.text(5),
          .secondary_key = row.text(6),
          .document = row.text(7),
          .created = row.text(8),
          .updated = row.text(9)};
}

json member(const json& object, const char* name) {
  return object.is_object() ? object.value(name, json(nullptr)) : json(nullptr);
}

json info_of(const CertificateFacts& facts) {
  return {{"subjectName", facts.subject_name},
          {"sha1Thumbprint", facts.sha1_thumbprint},
          {"sha256Thumbprint", facts.sha256_thumbprint},
          {"issuerName", facts.issuer_name},
          {"notBeforeUtc", contract::to_iso8601(facts.not_before)},
          {"notAfterUtc", contract::to_iso8601(facts.not_after)},
          {"serialNumber", facts.serial_number},
          {"version", facts.version}};
}

/// What came back from a reading has only the certificate's facts: the certificate itself is one of
/// those before.
json kept_certificate(const json& named, const json& before) {
  const json thumbprint = member(member(named, "info"), "sha256Thumbprint");
  for (const char* place : {"primary", "secondary"}) {
    const json kept = member(before, place);
    const json known = member(member(kept, "info"), "sha256Thumbprint");
    if (known.is_string() && thumbprint.is_string() &&
        equal_ignoring_case(known.get<std::string>(), thumbprint.get<std::string>())) {
      return kept;
    }
  }
  return nullptr;
}

/// Certificates with their facts, as they are stored.
Outcome<json> read_certificates(const json& certificates, const json& before) {
  json read = json::object();
  for (const char* place : {"primary", "secondary"}) {
    const json named = member(certificates, place);
    if (named.is_null()) continue;
    const json text = member(named, "certificate");
    if (!text.is_string() || text == "") {
      const json kept = kept_certificate(named, before);
      if (kept.is_null()) return invalid(std::string("the ") + place + " certificate is missing");
      read[place] = kept;
      continue;
    }
    const auto der = certificate_der(text.get<std::string>());
    const auto facts = der ? read_certificate(*der) : std::nullopt;
    if (!facts) {
      return invalid(std::string("the ") + place +
                     " certificate is neither PEM nor base64 of an X.509 certificate");
    }
    read[place] = {{"certificate", to_base64(bytes_of(*der))}, {"info", info_of(*facts)}};
  }
  if (!read.contains("primary")) return invalid("the primary certificate is missing");
  return read;
}

Outcome<std::string> key_of(const json& keys, const char* name, const std::string& before) {
  const json key = member(keys, name);
  if (key.is_null() || key == "") return before.empty() ? random_key() : before;
  const auto bytes = key.is_string() ? from_base64(key.get<std::string>()) : std::nullopt;
  if (!bytes || bytes->size() < 16 || bytes->size() > 64)
    return invalid(std::string(name) + " is not base64 of 16 to 64 bytes");
  return key.get<std::string>();
}

/// @param previous  the document that is replaced; null for a new enrollment
Outcome<Ok> read_attestation(Enrollment& enrollment, json& document, const json& attestation,
                             const json& previous) {
  const json type = member(attestation, "type");
  if (type == "symmetricKey") {
    enrollment.symmetric = true;
    const json keys = member(attestation, "symmetricKey");
    OTA_TRY(enrollment.primary_key, key_of(keys, "primaryKey", enrollment.primary_key));
    OTA_TRY(enrollment.secondary_key, key_of(keys, "secondaryKey", enrollment.secondary_key));
    document["attestation"] = {{"type", "symmetricKey"}};
    return Ok{};
  }
  if (type != "x509") return invalid("attestation.type is neither symmetricKey nor x509");
  const char* certificates = certificates_member(enrollment.kind);
  const json x509 = member(attestation, "x509");
  if (!member(x509, "caReferences").is_null()) {
    return invalid(
        "caReferences name authorities of an Azure resource, which this hub has not: give "
        "signingCertificates");
  }
  const json before = member(member(member(previous, "attestation"), "x509"), certificates);
  OTA_TRY(const json read, read_certificates(member(x509, certificates), before));
  enrollment.symmetric = false;
  enrollment.primary_key.clear();
  enrollment.secondary_key.clear();
  document["attestation"] = {{"type", "x509"}, {"x509", {{certificates, read}}}};
  return Ok{};
}

Outcome<Ok> check_initial_twin(const json& twin) {
  if (twin.is_null()) return Ok{};
  const json tags = member(twin, "tags");
  const json desired = member(member(twin, "properties"), "desired");
  if (!twin.is_object()) return invalid("'initialTwin' is not an object");
  if (!tags.is_null()) {
    OTA_TRY(twin::check_content(tags));
    OTA_TRY(twin::check_size(tags, twin::Section::Tags));
  }
  if (!desired.is_null()) {
    OTA_TRY(twin::check_content(desired));
    OTA_TRY(twin::check_size(desired, twin::Section::Desired));
  }
  return Ok{};
}

Outcome<Ok> read_body(Enrollment& enrollment, const json& body) {
  constexpr std::array<const char*, 8> kKept = {
      "capabilities",      "iotHubHostName",   "initialTwin", "optionalDeviceInformation",
      "reprovisionPolicy", "allocationPolicy", "iotHubs",     "deviceId"};
  const json id = member(body, id_member(enrollment.kind));
  if (!id.is_null() && id != enrollment.id)
    return invalid("the id in the body and in the path differ");
  if (member(body, "allocationPolicy") == "custom")
    return invalid("allocationPolicy 'custom' needs a function that this hub cannot call");
  OTA_TRY(check_initial_twin(member(body, "initialTwin")));
  json document = json::object();
  for (const char* name : kKept) {
    const json value = member(body, name);
    if (!value.is_null()) document[name] = value;
  }
  const json device_id = member(body, "deviceId");
  if (!device_id.is_null() && !device_id.is_string()) return invalid("'deviceId' is not a string");
  if (device_id.is_string() && !is_device_id(device_id.get<std::string>()))
    return invalid("'deviceId' cannot be a device id");
  const json status = member(body, "provisioningStatus");
  const auto says = [&status](std::string_view word) {
    return status.is_string() && equal_ignoring_case(status.get_ref<const std::string&>(), word);
  };
  if (!status.is_null() && !says("enabled") && !says("disabled"))
    return invalid("provisioningStatus is neither enabled nor disabled");
  enrollment.enabled = !says("disabled");
  const json previous = enrollment.document.empty() ? json() : stored_json(enrollment.document);
  OTA_TRY(read_attestation(enrollment, document, member(body, "attestation"), previous));
  enrollment.document = json_to_text(document);
  return Ok{};
}

/// Without the certificates themselves: only what they say.
json shown_attestation(const Enrollment& enrollment) {
  json attestation = stored_json(enrollment.document).value("attestation", json::object());
  if (enrollment.symmetric) return attestation;
  for (json& certificate : attestation["x509"][certificates_member(enrollment.kind)]) {
    certificate.erase("certificate");
  }
  return attestation;
}

}  // namespace

bool is_registration_id(std::string_view id) {
  const auto alphanumeric = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  return !id.empty() && id.size() <= 128 && (alphanumeric(id.back()) || id.back() == '-') &&
         std::all_of(id.begin(), id.end(), [&](char c) {
           return alphanumeric(c) || std::string_view("-._:").find(c) != std::string_view::npos;
         });
}

Outcome<std::optional<Enrollment>> Enrollments::find(EnrollmentKind kind,
                                                     std::string_view id) const {
  OTA_TRY(auto row,
          database_.query("SELECT " + std::string(kColumns) +
                              " FROM enrollment WHERE kind = ?1 AND id = ?2 COLLATE NOCASE",
                          {name_of(kind), id}));
  OTA_TRY(const bool found, row.step());
  if (!found) return std::optional<Enrollment>{};
  return std::optional<Enrollment>{read_row(row)};
}

Outcome<Enrollment> Enrollments::get(EnrollmentKind kind, std::string_view id) const {
  OTA_TRY(auto enrollment, find(kind, id));
  if (!enrollment) return Failure{code::kNotFound, "there is no enrollment " + std::string(id)};
  return std::move(*enrollment);
}

Outcome<std::vector<Enrollment>> Enrollments::list(EnrollmentKind kind, std::string_view after,
                                                   std::int64_t count_max) const {
  OTA_TRY(auto row, database_.query("SELECT " + std::string(kColumns) +
                                        " FROM enrollment WHERE kind = ?1 AND id > ?2"
                                        " ORDER BY id LIMIT ?3",
                                    {name_of(kind), after, count_max}));
  std::vector<Enrollment> enrollments;
  for (;;) {
    OTA_TRY(const bool more, row.step());
    if (!more) return enrollments;
    enrollments.push_back(read_row(row));
  }
}

Outcome<Enrollment> Enrollments::put(EnrollmentKind kind, const std::string& id, const json& body,
                                     std::optional<std::string_view> if_match) {
  if (!is_registration_id(id)) {
    return invalid("'" + id +
                   "' cannot be an enrollment's id: 1 to 128 letters, digits and - . _ :, ending "
                   "in a letter, digit or -");
  }
  OTA_TRY(auto stored, find(kind, id));
  if (stored && !if_match)
    return Failure{code::kPreconditionFailed, "there is an enrollment " + id + " already"};
  if (!stored && if_match) return Failure{code::kNotFound, "there is no enrollment " + id};
  if (stored && !matches(if_match, stored->etag)) {
    return Failure{code::kPreconditionFailed,
                   "the enrollment has changed: its etag is " + stored->etag};
  }
  Enrollment enrollment = stored.value_or(Enrollment{});
  enrollment.kind = kind;
  if (!stored) enrollment.id = id;
  OTA_TRY(read_body(enrollment, body));
  enrollment.etag = random_etag();
  enrollment.updated = contract::to_iso8601(settings_.now());
  if (!stored) enrollment.created = enrollment.updated;
  OTA_TRY(database_.execute(
      "INSERT OR REPLACE INTO enrollment (kind, id, etag, status, attestation, primary_key, "
      "secondary_key,"
      " document, created, updated) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
      {name_of(kind), enrollment.id, enrollment.etag, enrollment.enabled ? "enabled" : "disabled",
       enrollment.symmetric ? "symmetricKey" : "x509", enrollment.primary_key,
       enrollment.secondary_key, enrollment.document, enrollment.created, enrollment.updated}));
  return enrollment;
}

Outcome<Ok> Enrollments::remove(EnrollmentKind kind, std::string_view id,
                                std::optional<std::string_view> if_match) {
  OTA_TRY(const Enrollment enrollment, get(kind, id));
  if (!matches(if_match, enrollment.etag)) {
    return Failure{code::kPreconditionFailed,
                   "the enrollment has changed: its etag is " + enrollment.etag};
  }
  OTA_TRY(database_.execute("DELETE FROM enrollment WHERE kind = ?1 AND id = ?2",
                            {name_of(kind), enrollment.id}));
  return Ok{};
}

json to_json(const Enrollment& enrollment) {
  json object = stored_json(enrollment.document);
  object["attestation"] = shown_attestation(enrollment);
  object[id_member(enrollment.kind)] = enrollment.id;
  object["etag"] = enrollment.etag;
  object["provisioningStatus"] = enrollment.enabled ? "enabled" : "disabled";
  object["createdDateTimeUtc"] = enrollment.created;
  object["lastUpdatedDateTimeUtc"] = enrollment.updated;
  return object;
}

json attestation_with_keys(const Enrollment& enrollment) {
  json attestation = shown_attestation(enrollment);
  if (enrollment.symmetric) {
    attestation["symmetricKey"] = {{"primaryKey", enrollment.primary_key},
                                   {"secondaryKey", enrollment.secondary_key}};
  }
  return attestation;
}

bool names_certificate(const Enrollment& enrollment, const ClientCertificate& certificate,
                       contract::UnixSeconds now) {
  const json x509 = member(member(stored_json(enrollment.document), "attestation"), "x509");
  const json certificates = member(x509, certificates_member(enrollment.kind));
  if (!certificates.is_object()) return false;
  return std::any_of(certificates.begin(), certificates.end(), [&](const json& named) {
    if (enrollment.kind == EnrollmentKind::Individual) {
      const json known = member(member(named, "info"), "sha256Thumbprint");
      return known.is_string() &&
             equal_ignoring_case(known.get<std::string>(), certificate.sha256_thumbprint);
    }
    const json text = member(named, "certificate");
    const auto der = text.is_string() ? from_base64(text.get<std::string>()) : std::nullopt;
    return der && leads_to(certificate.chain_der, text_of(*der), now);
  });
}

}  // namespace ota::hub
