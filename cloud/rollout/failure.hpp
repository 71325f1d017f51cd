#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "cloud/rest/api_error.hpp"

namespace ota::rollout {

/// Why a use case did not reach its goal; the kinds are what callers (exit codes, pages) tell
/// apart.
struct Failure {
  enum class Kind : std::uint8_t {
    Input,      // what the operator gave cannot be used
    NotFound,   // no such device, configuration or enrollment
    Conflict,   // exists with other content, or a newer one is deployed
    Refused,    // not authorised
    Throttled,  // try again later
    Failed,     // everything else
  } kind = Kind::Failed;
  std::string code = {};     // stable word for programs
  std::string message = {};  // one sentence: what, why, what to do
  std::optional<int> retry_after_s = {};
  std::string request_id = {};  // our id of the request that failed; the service logs it too
};

template <class T>
using Outcome = Result<T, Failure>;

Failure failure_of(const rest::ApiError& error);

/// The value, or the service's error as a Failure.
template <class T>
Outcome<T> outcome_of(rest::ApiResult<T> result) {
  if (!result) return failure_of(result.error());
  return std::move(result).value();
}

}  // namespace ota::rollout
