#include "cloud/hub/core/rest.hpp"

#include <array>
#include <exception>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "cloud/hub/core/answers.hpp"
#include "cloud/hub/core/dps_device.hpp"
#include "cloud/hub/core/secrets.hpp"
#include "cloud/hub/core/tokens.hpp"
#include "cloud/hub/twin/json_text.hpp"
#include "contract/azure/percent.hpp"

namespace ota::hub {

namespace {

using nlohmann::json;

constexpr JsonLimits kBodyLimits{.bytes_max = 1024 * 1024, .depth_max = 32};

using Handler = Outcome<HttpResponse> (*)(Hub&, const Call&);
struct Route {
  std::string_view first_segment;
  Service service;
  Handler handler;
};
constexpr std::array kRoutes = {
    Route{"devices", Service::Hub, handle_devices},
    Route{"configurations", Service::Hub, handle_configurations},
    Route{"jobs", Service::Hub, handle_jobs},
    Route{"statistics", Service::Hub, handle_statistics},
    Route{"twins", Service::Hub, handle_twins},
    Route{"messages", Service::Hub, handle_addressed_message},
    Route{"$local", Service::Hub, handle_local},
    Route{"enrollments", Service::Dps, handle_enrollments},
    Route{"enrollmentGroups", Service::Dps, handle_enrollment_groups},
    Route{"registrations", Service::Dps, handle_registrations},
};

/// Without case, as in Azure: Node's DPS client asks for /enrollmentgroups as well.
const Route* route_of(std::string_view first_segment) {
  for (const Route& route : kRoutes) {
    if (equal_ignoring_case(route.first_segment, first_segment)) return &route;
  }
  return nullptr;
}

/// Nothing if a percent escape is malformed.
std::optional<std::vector<std::string>> decoded_segments(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view raw = path.substr(0, path.find('/'));
    path.remove_prefix(raw.size());
    if (raw.empty() && path.empty()) break;  // a slash at the end
    auto segment = contract::percent_decode(raw);
    if (!segment) return std::nullopt;
    segments.push_back(std::move(*segment));
  }
  return segments;
}

void add_retry_after(HttpResponse& response, const Failure& failure) {
  if (failure.retry_after_s == 0) return;
  response.headers.add("Retry-After", std::to_string(failure.retry_after_s));
}

/// The class whose limit a request counts against. Bulk requests and jobs count their devices
/// themselves.
std::optional<Operation> operation_of(const Call& call) {
  const std::string& first = call.segments.front();
  if (first == "$local") return std::nullopt;  // No API of the cloud.
  const bool message = call.segments.size() > 2 && call.segments[2] == "messages";
  if (first == "messages" || (first == "devices" && message)) return Operation::Message;
  const bool reads = call.request.method == "GET";
  if (first == "twins" && call.segments.size() > 2 && call.segments.back() == "methods")
    return Operation::Method;
  if (first == "twins") return reads ? Operation::TwinRead : Operation::TwinUpdate;
  if (first == "configurations") return Operation::Configuration;
  if (first == "jobs") return Operation::Job;
  if (first.starts_with("enrollment") || first == "registrations") return Operation::Enrollment;
  return call.segments.back() == "query" ? Operation::Query : Operation::Identity;
}

std::int64_t amount_of(Operation operation, const Call& call) {
  constexpr std::size_t kMethodUnitBytes = 4096;
  if (operation != Operation::Method) return 1;
  return static_cast<std::int64_t>(call.request.body.size() / kMethodUnitBytes) + 1;
}

HttpResponse dps_rest_failure(const Failure& failure, contract::UnixSeconds now) {
  HttpResponse response = text_answer(failure_body(failure, now));
  response.status = failure.http_status();
  add_retry_after(response, failure);
  return response;
}

Outcome<Ok> check_content_type(const HttpRequest& request) {
  const auto type = request.headers.find("Content-Type");
  if (type && !type->empty() && type->find("json") == std::string_view::npos) {
    return Failure{code::kUnsupportedMediaType, "the Content-Type is not application/json"};
  }
  return Ok{};
}

HttpResponse failure_answer(const Failure& failure, const json& body) {
  HttpResponse response = json_answer(body);
  response.status = failure.http_status();
  response.headers.add("iothub-errorcode", std::string(name_of(failure.code)));
  add_retry_after(response, failure);
  return response;
}

/// Java's HTTP client knows no PATCH: its SDK sends POST and names the method in a header.
bool means_patch(const HttpRequest& request) {
  return request.method == "POST" && request.headers.find("X-HTTP-Method-Override") == "PATCH";
}

Outcome<HttpResponse> answer(Hub& hub, const Route& route, const HttpRequest& request) {
  auto segments = decoded_segments(request.path);
  if (!segments)
    return Failure{code::kArgumentInvalid, "the path holds a malformed percent escape"};
  const Call call{.request = request, .segments = std::move(*segments)};
  const auto version = call.parameter("api-version");
  if (!version || version->empty()) {
    return Failure{code::kInvalidProtocolVersion, "the query parameter api-version is missing"};
  }
  // Bookkeeping only: on a full disk a request that reads is answered nevertheless.
  (void)write_activity(hub);
  return route.handler(hub, call);
}

}  // namespace

/// The body whose first text Node and C# take apart: "ErrorCode:{name};{text}", so the text has no
/// ';'.
HttpResponse hub_failure(const Failure& failure, contract::UnixSeconds now) {
  std::string text = failure.message;
  for (char& c : text) {
    if (c == ';') c = ',';
  }
  return failure_answer(
      failure, {{"Message", "ErrorCode:" + std::string(name_of(failure.code)) + ";" + text},
                {"ExceptionMessage",
                 "Tracking ID:" + random_hex(32) + "-G:0-TimeStamp:" + contract::to_iso8601(now)}});
}

HttpResponse method_failure(const Failure& failure, contract::UnixSeconds now) {
  return failure_answer(failure,
                        {{"Message", failure_body(failure, now)}, {"ExceptionMessage", ""}});
}

std::optional<std::string> Call::parameter(std::string_view name) const {
  for (const auto& [key, raw] : contract::split_bag(request.query)) {
    if (equal_ignoring_case(key, name)) return contract::percent_decode(raw);
  }
  return std::nullopt;
}

Outcome<json> Call::body() const {
  OTA_TRY(check_content_type(request));
  return parse_json_object(request.body, kBodyLimits);
}

Outcome<json> Call::list_body() const {
  OTA_TRY(check_content_type(request));
  OTA_TRY(auto list, parse_json(request.body, kBodyLimits));
  if (!list.is_array()) return Failure{code::kArgumentInvalid, "the body is not a JSON array"};
  return list;
}

Outcome<std::string> query_text(const json& body) {
  for (const auto& [name, value] : body.items()) {
    if (equal_ignoring_case(name, "query") && value.is_string()) return value.get<std::string>();
  }
  return Failure{code::kArgumentNull, "'query' is missing"};
}

std::int64_t page_size(const Call& call) {
  constexpr std::int64_t kDefault = 100;
  const auto header = call.request.headers.find("x-ms-max-item-count");
  if (!header) return kDefault;
  const auto size = read_number<std::int64_t>(*header);
  return size && *size >= 1 ? *size : kDefault;
}

HttpResponse json_answer(const json& body, std::string_view etag) {
  return text_answer(json_to_text(body), etag);
}

HttpResponse text_answer(std::string json, std::string_view etag) {
  HttpResponse response;
  response.headers.add("Content-Type", "application/json; charset=utf-8");
  if (!etag.empty()) response.headers.add("ETag", "\"" + std::string(etag) + "\"");
  response.body = std::move(json);
  return response;
}

HttpResponse no_content() { return {.status = 204, .headers = {}, .body = {}}; }

Failure no_such_route(const Call& call) {
  return {code::kMethodNotAllowed,
          call.request.method + " " + call.request.path + " is not an operation of this hub"};
}

Outcome<Ok> demand(Hub& hub, const Call& call, Service service,
                   std::initializer_list<Right> any_of) {
  const Failure refused{code::kUnauthorized,
                        "the token is missing, invalid, expired, or its policy lacks the right"};
  const auto header = call.request.headers.find("Authorization");
  const auto token = header ? contract::parse_hub_sas(*header) : std::nullopt;
  if (!token || has_expired(*token, hub.settings.now())) return refused;
  std::string path;
  for (const std::string& segment : call.segments) path += (path.empty() ? "" : "/") + segment;
  if (!covers(hub.settings.host_names, token->resource, path)) return refused;
  OTA_TRY(const bool granted, hub.policies.grants(service, *token, any_of));
  if (!granted) return refused;
  const auto operation = operation_of(call);
  if (!operation) return Ok{};
  return hub.throttle.take(*operation, amount_of(*operation, call));
}

Outcome<Ok> demand_service_or_registry(Hub& hub, const Call& call) {
  if (call.request.method == "GET") {
    return demand(hub, call, Service::Hub,
                  {Right::ServiceConnect, Right::RegistryRead, Right::RegistryWrite});
  }
  return demand(hub, call, Service::Hub, {Right::ServiceConnect, Right::RegistryWrite});
}

std::optional<HttpResponse> handle_rest(Hub& hub, const HttpRequest& request) {
  if (means_patch(request)) {
    HttpRequest patch = request;
    patch.method = "PATCH";
    return handle_rest(hub, patch);
  }
  if (request.path.empty() || request.path.front() != '/') return std::nullopt;
  const std::string_view path = std::string_view(request.path).substr(1);
  const Route* route = route_of(path.substr(0, path.find('/')));
  if (route == nullptr) return handle_device_registration(hub, request);
  const auto failed = [&](const Failure& failure) {
    const auto now = hub.settings.now();
    return route->service == Service::Hub ? hub_failure(failure, now)
                                          : dps_rest_failure(failure, now);
  };
  HttpResponse response;
  try {
    auto outcome = answer(hub, *route, request);
    response = outcome ? std::move(outcome).value() : failed(outcome.error());
  } catch (const std::exception& error) {
    // A JSON library that throws must cost one request, never the hub.
    response = failed({code::kServerError, std::string("unexpected: ") + error.what()});
  }
  if (!response.later) {
    response.headers.add("x-ms-request-id", random_guid());
  } else if (const auto given = response.later->take()) {
    return std::move(*given);
  }
  return response;
}

void give(Hub& hub, const std::weak_ptr<LaterAnswer>& caller, Outcome<HttpResponse> outcome) {
  const auto waiting = caller.lock();
  if (!waiting) return;
  HttpResponse response =
      outcome ? std::move(outcome).value() : hub_failure(outcome.error(), hub.settings.now());
  response.headers.add("x-ms-request-id", random_guid());
  waiting->give(std::move(response));
}

}  // namespace ota::hub
