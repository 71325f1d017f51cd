#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.hpp"

namespace ota::rest {

/// Why a request to a service did not give what was asked.
struct ApiError {
  enum class Kind : std::uint8_t {
    Network,       // no answer arrived: refused, unknown host, TLS, time-out
    Unauthorized,  // 401, 403
    Throttled,     // 429, or a quota is spent
    Conflict,      // 409, 412
    NotFound,      // 404
    Protocol,      // every other answer, and answers that cannot be read
  } kind = Kind::Protocol;
  int http_status = 0;    // 0: no answer arrived
  std::string code = {};  // the service's error code, or one of ours: unreachable, tls_untrusted,
                          // timeout, disconnected, too_large, file_unreadable
  std::string message = {};            // for people; code never parses it
  std::string request_id = {};         // x-ms-request-id, so that a support case can be opened
  std::string client_request_id = {};  // ours, of the last try: the service logs it too
  std::optional<int> retry_after_s = {};
};

template <class T>
using ApiResult = Result<T, ApiError>;

}  // namespace ota::rest
