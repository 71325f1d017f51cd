#include "cloud/rollout/failure.hpp"

namespace ota::rollout {
namespace {

struct Meaning {
  Failure::Kind kind;
  const char* code;
};

Meaning meaning_of(rest::ApiError::Kind kind) {
  using From = rest::ApiError::Kind;
  switch (kind) {
    case From::Network:
      return {Failure::Kind::Failed, "network"};
    case From::Unauthorized:
      return {Failure::Kind::Refused, "not_authorized"};
    case From::Throttled:
      return {Failure::Kind::Throttled, "throttled"};
    case From::Conflict:
      return {Failure::Kind::Conflict, "conflict"};
    case From::NotFound:
      return {Failure::Kind::NotFound, "not_found"};
    case From::Protocol:
      break;
  }
  return {Failure::Kind::Failed, "service_error"};
}

/// Our id finds the request in the service's log, the service's own one opens a support case.
std::string ids_of(const rest::ApiError& error) {
  std::string text;
  if (!error.client_request_id.empty()) text = "request " + error.client_request_id;
  if (!error.request_id.empty()) {
    text += (text.empty() ? "the service's id " : ", the service's id ") + error.request_id;
  }
  return text.empty() ? text : " (" + text + ")";
}

}  // namespace

Failure failure_of(const rest::ApiError& error) {
  const Meaning meaning = meaning_of(error.kind);
  Failure out{.kind = meaning.kind,
              .code = meaning.code,
              .message = error.message,
              .retry_after_s = error.retry_after_s,
              .request_id = error.client_request_id};
  const bool no_answer = error.kind == rest::ApiError::Kind::Network;
  if (no_answer && !error.code.empty()) out.code = error.code;  // unreachable, tls_untrusted, ...
  if (error.http_status == 507) out.code = "storage_full";
  out.message += ids_of(error);
  return out;
}

}  // namespace ota::rollout
