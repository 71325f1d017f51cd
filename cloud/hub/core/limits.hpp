#pragma once

// What an edition of IoT Hub allows. Source: "IoT Hub quotas and throttling" (02/2023).

#include <cstdint>
#include <optional>
#include <string_view>

namespace ota::hub {

/// The edition with one unit whose limits are kept; None: nothing is throttled.
enum class Tier : std::uint8_t { None, F1, S1, S2, S3 };

/// "none", "f1", "s1", "s2", "s3".
std::optional<Tier> tier_of(std::string_view name);

struct Quotas {
  std::int64_t devices_max;
  std::int64_t configurations_max;
  std::int64_t active_jobs_max;
};
Quotas quotas_of(Tier tier);

}  // namespace ota::hub
