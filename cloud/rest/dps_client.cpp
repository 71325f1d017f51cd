#include "cloud/rest/dps_client.hpp"

#include <nlohmann/json.hpp>

#include "cloud/rest/json_rows.hpp"
#include "contract/azure/percent.hpp"
#include "contract/json/json_text.hpp"

namespace ota::rest {
namespace {

using Json = nlohmann::json;
using Path = Json::json_pointer;

constexpr const char* kApiVersion = "2021-10-01";
constexpr int kPagesMax = 1000;

struct Words {
  const char* collection;
  const char* id_member;
  const char* name;
};
constexpr Words words_of(EnrollmentKind kind) {
  return kind == EnrollmentKind::Group
             ? Words{"enrollmentGroups", "enrollmentGroupId", "enrollment group"}
             : Words{"enrollments", "registrationId", "enrollment"};
}

std::string path_of(EnrollmentKind kind, std::string_view id) {
  return std::string("/") + words_of(kind).collection + "/" + contract::percent_encode(id);
}

std::string describe(EnrollmentKind kind, std::string_view id) {
  return std::string(words_of(kind).name) + " '" + std::string(id) + "'";
}

std::string text_at(const Json& object, const Path& path) {
  return object.contains(path) && object[path].is_string() ? object[path].get<std::string>()
                                                           : std::string();
}

Enrollment read_enrollment(EnrollmentKind kind, const Json& object) {
  Enrollment out{.kind = kind,
                 .id = text_at(object, Path(std::string("/") + words_of(kind).id_member)),
                 .tags = {},
                 .ca_reference = text_at(object, Path("/attestation/x509/caReferences/primary")),
                 .attestation = text_at(object, Path("/attestation/type")),
                 .status = text_at(object, Path("/provisioningStatus")),
                 .etag = text_at(object, Path("/etag"))};
  const Path tags("/initialTwin/tags");
  if (object.contains(tags) && object[tags].is_object()) {
    for (const auto& [name, value] : object[tags].items()) {
      if (value.is_string()) out.tags[name] = value.get<std::string>();
    }
  }
  return out;
}

Json certificates_of(const Enrollment& enrollment) {
  Json out = {{"primary", {{"certificate", enrollment.certificate}}}};
  if (!enrollment.second_certificate.empty()) {
    out["secondary"] = {{"certificate", enrollment.second_certificate}};
  }
  return out;
}

Json attestation_of(const Enrollment& enrollment) {
  if (!enrollment.certificate.empty()) {
    const bool group = enrollment.kind == EnrollmentKind::Group;
    return {
        {"type", "x509"},
        {"x509",
         {{group ? "signingCertificates" : "clientCertificates", certificates_of(enrollment)}}}};
  }
  if (enrollment.ca_reference.empty()) {
    return {{"type", "symmetricKey"}, {"symmetricKey", Json::object()}};
  }
  return {{"type", "x509"}, {"x509", {{"caReferences", {{"primary", enrollment.ca_reference}}}}}};
}

ApiError unreadable(const HttpReply& reply, const std::string& what) {
  return {.kind = ApiError::Kind::Protocol,
          .http_status = reply.status,
          .code = "unreadable_answer",
          .message = "cannot " + what + ": the service's answer cannot be read; is this a DPS?"};
}

}  // namespace

DpsClient::DpsClient(contract::HubConnection connection, ClientSetup setup, std::string base_url)
    : session_(std::move(connection), kApiVersion, std::move(setup), std::move(base_url)) {}

ApiResult<Ok> DpsClient::create(const Enrollment& enrollment) {
  const Json body = {
      {words_of(enrollment.kind).id_member, enrollment.id},
      {"attestation", attestation_of(enrollment)},
      {"provisioningStatus", "enabled"},
      {"initialTwin",
       {{"tags", Json(enrollment.tags)}, {"properties", {{"desired", Json::object()}}}}}};
  OTA_TRY(session_.send({.method = "PUT",
                         .path = path_of(enrollment.kind, enrollment.id),
                         .body = body.dump(-1, ' ', false, Json::error_handler_t::replace),
                         .repeatable = Repeatable::No,
                         .what = "create " + describe(enrollment.kind, enrollment.id)}));
  return Ok{};
}

ApiResult<Enrollment> DpsClient::get(EnrollmentKind kind, std::string_view id) {
  const ServiceCall call{
      .method = "GET", .path = path_of(kind, id), .what = "read " + describe(kind, id)};
  OTA_TRY(const HttpReply reply, session_.send(call));
  const Json object = contract::read_json(reply.body);
  if (!object.is_object()) return unreadable(reply, call.what);
  return read_enrollment(kind, object);
}

ApiResult<std::vector<Enrollment>> DpsClient::list(EnrollmentKind kind) {
  const std::string collection = words_of(kind).collection;
  ServiceCall call{.method = "POST",
                   .path = "/" + collection + "/query",
                   .body = query_body("SELECT * FROM " + collection),
                   .what = "list the " + std::string(words_of(kind).name) + "s"};
  std::vector<Enrollment> out;
  for (int page = 0; page < kPagesMax; ++page) {
    OTA_TRY(const HttpReply reply, session_.send(call));
    const Json rows = contract::read_json(reply.body);
    if (!rows.is_array()) return unreadable(reply, call.what);
    for (const Json& row : rows) out.push_back(read_enrollment(kind, row));
    const auto continuation = reply.header("x-ms-continuation");
    if (!continuation || continuation->empty()) break;
    call.headers = {{"x-ms-continuation", *continuation}};
  }
  return out;
}

ApiResult<Enrollment> DpsClient::set_status(EnrollmentKind kind, std::string_view id,
                                            std::string_view status) {
  const std::string what = "change " + describe(kind, id);
  OTA_TRY(const HttpReply before,
          session_.send({.method = "GET", .path = path_of(kind, id), .what = what}));
  Json object = contract::read_json(before.body);
  if (!object.is_object()) return unreadable(before, what);
  const std::string etag = text_at(object, Path("/etag"));
  if (text_at(object, Path("/attestation/type")) == "symmetricKey") {
    // A reading leaves the keys out, and a writing without keys may make new ones.
    OTA_TRY(const SymmetricKeys now, keys(kind, id));
    object["attestation"]["symmetricKey"] = {{"primaryKey", now.primary},
                                             {"secondaryKey", now.secondary}};
  }
  object["provisioningStatus"] = status;
  for (const char* theirs :
       {"etag", "createdDateTimeUtc", "lastUpdatedDateTimeUtc", "registrationState"}) {
    object.erase(theirs);
  }
  OTA_TRY(const HttpReply after,
          session_.send({.method = "PUT",
                         .path = path_of(kind, id),
                         .body = object.dump(-1, ' ', false, Json::error_handler_t::replace),
                         .headers = {{"If-Match", "\"" + etag + "\""}},
                         .what = what}));
  const Json written = contract::read_json(after.body);
  if (!written.is_object()) return unreadable(after, what);
  return read_enrollment(kind, written);
}

ApiResult<Ok> DpsClient::remove(EnrollmentKind kind, std::string_view id, std::string_view etag) {
  ServiceCall call{
      .method = "DELETE", .path = path_of(kind, id), .what = "delete " + describe(kind, id)};
  if (!etag.empty()) call.headers = {{"If-Match", "\"" + std::string(etag) + "\""}};
  OTA_TRY(session_.send(call));
  return Ok{};
}

ApiResult<SymmetricKeys> DpsClient::keys(EnrollmentKind kind, std::string_view id) {
  const ServiceCall call{.method = "POST",
                         .path = path_of(kind, id) + "/attestationmechanism",
                         .what = "read the keys of " + describe(kind, id)};
  OTA_TRY(const HttpReply reply, session_.send(call));
  const Json object = contract::read_json(reply.body);
  SymmetricKeys keys{.primary = text_at(object, Path("/symmetricKey/primaryKey")),
                     .secondary = text_at(object, Path("/symmetricKey/secondaryKey"))};
  if (keys.primary.empty()) return unreadable(reply, call.what);
  return keys;
}

}  // namespace ota::rest
