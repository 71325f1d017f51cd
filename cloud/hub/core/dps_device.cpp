#include "cloud/hub/core/dps_device.hpp"

#include <array>
#include <nlohmann/json.hpp>

#include "cloud/hub/core/answers.hpp"
#include "contract/azure/percent.hpp"

namespace ota::hub {
namespace {

constexpr std::string_view kRegistrations = "registrations";

/// {idScope}/registrations/{id}[/{verb}[/{operation}]], decoded.
struct Path {
  std::string id_scope;
  std::string registration_id;
  std::string verb;
  std::string operation_id;
};

/// Nothing if the path is not of that form.
std::optional<Path> parse_path(std::string_view path) {
  constexpr std::size_t kSegmentsMin = 3;
  std::array<std::string, 5> parts;
  std::size_t count = 0;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view raw = path.substr(0, path.find('/'));
    path.remove_prefix(raw.size());
    const auto segment = contract::percent_decode(raw);
    if (!segment || segment->empty() || count == parts.size()) return std::nullopt;
    parts[count++] = *segment;
  }
  if (count < kSegmentsMin || !equal_ignoring_case(parts[1], kRegistrations)) return std::nullopt;
  return Path{parts[0], parts[2], parts[3], parts[4]};
}

Outcome<std::optional<Registration>> enroll(Hub& hub, std::string_view id_scope,
                                            const std::string& registration_id,
                                            const Credentials& credentials, std::string_view body) {
  Notices notices;
  OTA_TRY(auto transaction, Transaction::begin(hub.database));
  OTA_TRY(auto registration,
          hub.provisioning.enroll(registration_id, id_scope, credentials, body, notices));
  OTA_TRY(transaction.commit());
  notices.deliver(hub.links);
  return registration;
}

Answer last_registration(const Hub& hub, const std::string& registration_id) {
  const auto registration = hub.provisioning.get(registration_id);
  if (!registration) return dps_failure(registration.error(), hub.settings.now());
  Answer answer{.status = 200, .body = {}, .version = std::nullopt, .retry_after_s = std::nullopt};
  answer.body = hub.provisioning.to_json(registration.value()).dump();
  return answer;
}

Answer answer(Hub& hub, const Path& path, const HttpRequest& request) {
  const auto now = hub.settings.now();
  const Credentials credentials{
      .client_id = path.registration_id,
      .password = request.headers.find("Authorization").value_or(std::string_view{}),
      .certificate = nullptr};
  const auto id_scope = read_setting(hub.database, "id_scope");
  if (!id_scope) return dps_failure(id_scope.error(), now);
  const auto login =
      hub.provisioning.login(id_scope.value(), {path.id_scope, path.registration_id}, credentials);
  if (!login) return dps_failure({code::kUnauthorized, "Unauthorized"}, now);
  if (request.method == "PUT" && path.verb == "register" && path.operation_id.empty()) {
    return register_device(hub, id_scope.value(), path.registration_id, credentials, request.body);
  }
  if (request.method == "GET" && path.verb == "operations") {
    return registration_status(hub, path.registration_id, path.operation_id);
  }
  if (request.method == "POST" && path.verb.empty())
    return last_registration(hub, path.registration_id);
  return dps_failure({code::kMethodNotAllowed,
                      request.method + " " + request.path + " is not an operation of DPS"},
                     now);
}

}  // namespace

Answer register_device(Hub& hub, std::string_view id_scope, const std::string& registration_id,
                       const Credentials& credentials, std::string_view body) {
  if (const auto taken = hub.throttle.take(Operation::Registration); !taken)
    return dps_failure(taken.error(), hub.settings.now());
  const auto registration = enroll(hub, id_scope, registration_id, credentials, body);
  if (!registration) return dps_failure(registration.error(), hub.settings.now());
  if (!registration.value()) return dps_disabled(registration_id);
  return dps_assigning(registration.value()->operation_id);
}

Answer registration_status(const Hub& hub, const std::string& registration_id,
                           std::string_view operation_id) {
  const auto registration = hub.provisioning.get(registration_id);
  if (!registration || registration.value().operation_id != operation_id) {
    return dps_failure({code::kNotFound, "there is no such operation"}, hub.settings.now());
  }
  return dps_assigned(std::string(operation_id), hub.provisioning.to_json(registration.value()));
}

std::optional<HttpResponse> handle_device_registration(Hub& hub, const HttpRequest& request) {
  const auto path = parse_path(request.path);
  if (!path) return std::nullopt;
  const Answer answered = answer(hub, *path, request);
  HttpResponse response;
  response.status = answered.status;
  response.headers.add("Content-Type", "application/json; charset=utf-8");
  if (answered.retry_after_s)
    response.headers.add("Retry-After", std::to_string(*answered.retry_after_s));
  response.body = answered.body;
  return response;
}

}  // namespace ota::hub
