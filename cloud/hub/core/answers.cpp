#include "cloud/hub/core/answers.hpp"

#include <nlohmann/json.hpp>

#include "cloud/hub/core/secrets.hpp"
#include "cloud/hub/twin/json_text.hpp"

namespace ota::hub {

std::string failure_body(const Failure& failure, contract::UnixSeconds now) {
  return to_text({{"errorCode", failure.code},
                  {"trackingId", random_guid()},
                  {"message", failure.message},
                  {"timestampUtc", contract::to_iso8601(now)}});
}

Answer twin_failure(const Failure& failure, contract::UnixSeconds now) {
  const Failure shown = failure.code == code::kMessageTooLarge
                            ? Failure{code::kArgumentInvalid, failure.message}
                            : failure;
  return {.status = shown.http_status(),
          .body = failure_body(shown, now),
          .version = std::nullopt,
          .retry_after_s = std::nullopt};
}

Answer dps_failure(const Failure& failure, contract::UnixSeconds now) {
  return {.status = failure.http_status(),
          .body = failure_body(failure, now),
          .version = std::nullopt,
          .retry_after_s = std::nullopt};
}

}  // namespace ota::hub
