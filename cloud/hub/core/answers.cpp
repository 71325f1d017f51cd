#include "cloud/hub/core/answers.hpp"

#include <nlohmann/json.hpp>

#include "cloud/hub/core/secrets.hpp"
#include "cloud/hub/twin/json_text.hpp"

namespace ota::hub {

std::string failure_body(const Failure& failure, contract::UnixSeconds now) {
  return json_to_text({{"errorCode", failure.code},
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
  std::optional<std::uint32_t> retry_after_s;
  if (failure.retry_after_s != 0) retry_after_s = failure.retry_after_s;
  return {.status = failure.http_status(),
          .body = failure_body(failure, now),
          .version = std::nullopt,
          .retry_after_s = retry_after_s};
}

Answer dps_assigning(const std::string& operation_id) {
  // DPS usually says 3 s; this one has assigned already when it answers.
  constexpr std::uint32_t kRetryAfterS = 1;
  return {.status = 202,
          .body = json_to_text({{"operationId", operation_id}, {"status", "assigning"}}),
          .version = std::nullopt,
          .retry_after_s = kRetryAfterS};
}

Answer dps_assigned(const std::string& operation_id, const nlohmann::json& registration_state) {
  return {.status = 200,
          .body = json_to_text({{"operationId", operation_id},
                                {"status", "assigned"},
                                {"registrationState", registration_state}}),
          .version = std::nullopt,
          .retry_after_s = std::nullopt};
}

Answer dps_disabled(const std::string& registration_id) {
  const nlohmann::json state = {{"registrationId", registration_id}, {"status", "disabled"}};
  return {.status = 200,
          .body = json_to_text(
              {{"operationId", ""}, {"status", "disabled"}, {"registrationState", state}}),
          .version = std::nullopt,
          .retry_after_s = std::nullopt};
}

}  // namespace ota::hub
