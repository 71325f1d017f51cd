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

/// Only "SELECT * FROM {table}" is answered; words are compared without case and spacing.
Outcome<Ok> check_query(const json& body, std::string_view table) {
  const auto query = body.find("query");
  if (query == body.end() || !query->is_string())
    return Failure{code::kArgumentNull, "'query' is missing"};
  std::string words = query->get<std::string>();
  std::erase_if(words, [](unsigned char c) { return std::isspace(c) != 0; });
  if (equal_ignoring_case(words, "select*from" + std::string(table))) return Ok{};
  return Failure{code::kArgumentInvalid,
                 "this hub answers only SELECT * FROM " + std::string(table)};
}

Outcome<HttpResponse> query_enrollments(Hub& hub, const Call& call, EnrollmentKind kind) {
  const bool individual = kind == EnrollmentKind::Individual;
  OTA_TRY(const json body, call.body());
  OTA_TRY(check_query(body, individual ? "enrollments" : "enrollmentGroups"));
  std::string after;
  const auto continuation = call.request.headers.find("x-ms-continuation");
  if (continuation && !continuation->empty()) {
    const auto bytes = from_base64(*continuation);
    if (!bytes) return Failure{code::kArgumentInvalid, "the continuation token is malformed"};
    after = text_of(*bytes);
  }
  const std::int64_t size = std::min(page_size(call), kPageMax);
  OTA_TRY(auto enrollments, hub.enrollments.list(kind, after, size + 1));
  std::optional<std::string> next;
  if (std::ssize(enrollments) > size) {
    enrollments.pop_back();
    next = to_base64(bytes_of(enrollments.back().id));
  }
  json items = json::array();
  for (const Enrollment& enrollment : enrollments) items.push_back(to_json(enrollment));
  return page_answer(items, individual ? "Enrollment" : "EnrollmentGroup", next);
}

Outcome<HttpResponse> put_enrollment(Hub& hub, const Call& call, EnrollmentKind kind) {
  OTA_TRY(const json body, call.body());
  OTA_TRY(const Enrollment enrollment,
          hub.enrollments.put(kind, call.segments[1], body, call.if_match()));
  return json_answer(to_json(enrollment), enrollment.etag);
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
  if (call.is("PUT", 2)) return put_enrollment(hub, call, kind);
  if (call.is("GET", 2)) {
    OTA_TRY(const Enrollment enrollment, hub.enrollments.get(kind, call.segments[1]));
    return json_answer(to_json(enrollment), enrollment.etag);
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
  if (call.is("POST", 3) && call.segments[2] == "query") {
    OTA_TRY(const auto registrations, hub.provisioning.list(call.segments[1]));
    json items = json::array();
    for (const Registration& registration : registrations)
      items.push_back(hub.provisioning.to_json(registration));
    return page_answer(items, "DeviceRegistration", std::nullopt);
  }
  if (call.segments.size() != 2) return no_such_route(call);
  OTA_TRY(const Registration registration, hub.provisioning.get(call.segments[1]));
  if (call.request.method == "GET")
    return json_answer(hub.provisioning.to_json(registration), registration.etag);
  if (!writes) return no_such_route(call);
  OTA_TRY(hub.provisioning.remove(registration.registration_id));
  return no_content();
}

}  // namespace ota::hub
