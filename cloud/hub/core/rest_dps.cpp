// /enrollments, /enrollmentGroups and /registrations: the service REST of DPS.

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/encoding.hpp"
#include "cloud/hub/core/rest.hpp"
#include "cloud/hub/twin/json_text.hpp"

namespace ota::hub {

namespace {

using nlohmann::json;

constexpr std::int64_t kPageMax = 1000;

HttpResponse page_answer(const json& items, const char* type,
                         const std::optional<std::string>& continuation) {
  HttpResponse response = json_answer(items);
  response.headers.add("x-ms-item-type", type);
  if (continuation) response.headers.add("x-ms-continuation", *continuation);
  return response;
}

std::string text_or_empty(const json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

/// Only "SELECT * FROM {table}" is answered; words are compared without case and spacing.
Outcome<Ok> check_query(const json& body, std::string_view table) {
  OTA_TRY(std::string words, query_text(body));
  std::erase_if(words, [](unsigned char c) { return std::isspace(c) != 0; });
  if (equal_ignoring_case(words, "select*from" + std::string(table))) return Ok{};
  return Failure{code::kArgumentInvalid,
                 "this hub answers only SELECT * FROM " + std::string(table)};
}

/// The id behind which the page begins that a client asks for.
Outcome<std::string> continued_after(const Call& call) {
  const auto continuation = call.request.headers.find("x-ms-continuation");
  if (!continuation || continuation->empty()) return std::string{};
  const auto bytes = from_base64(*continuation);
  if (!bytes) return Failure{code::kArgumentInvalid, "the continuation token is malformed"};
  return std::string(text_of(*bytes));
}

/// One page of `size` rows out of rows that may be one more, which is what tells that there is
/// another page.
template <class Row, class Id, class ToJson>
HttpResponse page_of(std::vector<Row> rows, std::int64_t size, const char* type, Id id,
                     ToJson json_of) {
  std::optional<std::string> next;
  if (std::ssize(rows) > size) {
    rows.pop_back();
    next = to_base64(bytes_of(id(rows.back())));
  }
  json items = json::array();
  for (const Row& row : rows) items.push_back(json_of(row));
  return page_answer(items, type, next);
}

/// As a service sees it: with the state of its registration, if there is one.
json shown(const Hub& hub, const Enrollment& enrollment) {
  json object = to_json(enrollment);
  if (enrollment.kind == EnrollmentKind::Individual) {
    if (const auto registration = hub.provisioning.get(enrollment.id)) {
      object["registrationState"] = hub.provisioning.to_json(registration.value());
    }
  }
  return object;
}

Outcome<HttpResponse> query_enrollments(Hub& hub, const Call& call, EnrollmentKind kind) {
  const bool individual = kind == EnrollmentKind::Individual;
  OTA_TRY(const json body, call.body());
  OTA_TRY(check_query(body, individual ? "enrollments" : "enrollmentGroups"));
  OTA_TRY(const std::string after, continued_after(call));
  const std::int64_t size = std::min(page_size(call), kPageMax);
  OTA_TRY(auto enrollments, hub.enrollments.list(kind, after, size + 1));
  return page_of(
      std::move(enrollments), size, individual ? "Enrollment" : "EnrollmentGroup",
      [](const Enrollment& enrollment) { return enrollment.id; },
      [&hub](const Enrollment& enrollment) { return shown(hub, enrollment); });
}

Outcome<HttpResponse> query_registrations(const Hub& hub, const Call& call) {
  OTA_TRY(const std::string after, continued_after(call));
  const std::int64_t size = std::min(page_size(call), kPageMax);
  OTA_TRY(auto registrations, hub.provisioning.list(call.segments[1], after, size + 1));
  return page_of(
      std::move(registrations), size, "DeviceRegistration",
      [](const Registration& registration) { return registration.registration_id; },
      [&hub](const Registration& registration) { return hub.provisioning.to_json(registration); });
}

/// One enrollment of a bulk operation.
Outcome<Ok> run_one(Hub& hub, EnrollmentKind kind, const std::string& mode, const std::string& id,
                    const json& item) {
  const auto etag_member = item.find("etag");
  const std::string etag = etag_member != item.end() && etag_member->is_string()
                               ? etag_member->get<std::string>()
                               : std::string{};
  if (mode == "delete") return hub.enrollments.remove(kind, id, std::nullopt);
  std::optional<std::string_view> if_match;
  if (mode == "update") if_match = "*";
  if (mode == "updateIfMatchETag") {
    if (etag.empty()) return Failure{code::kArgumentNull, "'etag' is missing"};
    if_match = etag;
  }
  OTA_TRY(hub.enrollments.put(kind, id, item, if_match));
  return Ok{};
}

Outcome<HttpResponse> run_bulk(Hub& hub, const Call& call, EnrollmentKind kind) {
  constexpr std::size_t kItemsMax = 10;
  const bool individual = kind == EnrollmentKind::Individual;
  const char* list_name = individual ? "enrollments" : "enrollmentGroups";
  const char* id_name = individual ? "registrationId" : "enrollmentGroupId";
  OTA_TRY(const json body, call.body());
  const std::string mode = text_or_empty(body, "mode");
  if (mode != "create" && mode != "update" && mode != "updateIfMatchETag" && mode != "delete") {
    return Failure{code::kArgumentInvalid,
                   "'mode' is not create, update, updateIfMatchETag or delete"};
  }
  const auto items = body.find(list_name);
  if (items == body.end() || !items->is_array() || items->empty() || items->size() > kItemsMax) {
    return Failure{code::kArgumentInvalid,
                   std::string("'") + list_name + "' is not a list of 1 to 10 enrollments"};
  }
  json errors = json::array();
  for (const json& item : *items) {
    const std::string id = text_or_empty(item, id_name);
    const auto done = run_one(hub, kind, mode, id, item);
    if (done) continue;
    errors.push_back(
        {{id_name, id}, {"errorCode", done.error().code}, {"errorStatus", done.error().message}});
  }
  return json_answer({{"isSuccessful", errors.empty()}, {"errors", errors}});
}

Outcome<HttpResponse> put_enrollment(Hub& hub, const Call& call, EnrollmentKind kind) {
  OTA_TRY(const json body, call.body());
  OTA_TRY(const Enrollment enrollment,
          hub.enrollments.put(kind, call.segments[1], body, call.if_match()));
  return json_answer(shown(hub, enrollment), enrollment.etag);
}

Outcome<HttpResponse> handle_kind(Hub& hub, const Call& call, EnrollmentKind kind) {
  const bool query = call.is("POST", 2) && call.segments[1] == "query";
  // An enrollment's keys let any device in, so showing them takes the right to write.
  if (call.request.method == "GET" || query) {
    OTA_TRY(demand(hub, call, Service::Dps, {Right::EnrollmentRead, Right::EnrollmentWrite}));
  } else {
    OTA_TRY(demand(hub, call, Service::Dps, {Right::EnrollmentWrite}));
  }
  if (query) return query_enrollments(hub, call, kind);
  if (call.is("POST", 1)) return run_bulk(hub, call, kind);
  if (call.is("PUT", 2)) return put_enrollment(hub, call, kind);
  if (call.is("GET", 2)) {
    OTA_TRY(const Enrollment enrollment, hub.enrollments.get(kind, call.segments[1]));
    return json_answer(shown(hub, enrollment), enrollment.etag);
  }
  if (call.is("DELETE", 2)) {
    OTA_TRY(hub.enrollments.remove(kind, call.segments[1], call.if_match()));
    return no_content();
  }
  if (call.is("POST", 3) && call.segments[2] == "attestationmechanism") {
    OTA_TRY(const Enrollment enrollment, hub.enrollments.get(kind, call.segments[1]));
    return json_answer(attestation_with_keys(enrollment));
  }
  return no_such_route(call);
}

}  // namespace

Outcome<HttpResponse> handle_enrollments(Hub& hub, const Call& call) {
  return handle_kind(hub, call, EnrollmentKind::Individual);
}

Outcome<HttpResponse> handle_enrollment_groups(Hub& hub, const Call& call) {
  return handle_kind(hub, call, EnrollmentKind::Group);
}

Outcome<HttpResponse> handle_registrations(Hub& hub, const Call& call) {
  const bool writes = call.request.method == "DELETE";
  if (writes) {
    OTA_TRY(demand(hub, call, Service::Dps, {Right::EnrollmentWrite}));
  } else {
    OTA_TRY(demand(hub, call, Service::Dps, {Right::EnrollmentRead, Right::EnrollmentWrite}));
  }
  if (call.is("POST", 3) && call.segments[2] == "query") return query_registrations(hub, call);
  if (call.segments.size() != 2) return no_such_route(call);
  OTA_TRY(const Registration registration, hub.provisioning.get(call.segments[1]));
  if (call.request.method == "GET")
    return json_answer(hub.provisioning.to_json(registration), registration.etag);
  if (!writes) return no_such_route(call);
  if (!matches(call.if_match(), registration.etag)) {
    return Failure{code::kPreconditionFailed,
                   "the registration has changed: its etag is " + registration.etag};
  }
  OTA_TRY(hub.provisioning.remove(registration.registration_id));
  return no_content();
}

}  // namespace ota::hub
