#pragma once

// Operation throttles: one token bucket for each class of operations, as large as what one period
// allows. Unlike the cloud, which delays a little first, the hub refuses at once when a bucket is
// empty.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "cloud/hub/core/core.hpp"
#include "cloud/hub/state/failure.hpp"

namespace ota::hub {

enum class Operation : std::uint8_t {
  Identity,
  Connect,
  TwinRead,
  TwinUpdate,
  Query,
  Method,   // in units of 4 KB
  Message,  // cloud-to-device
  Configuration,
  Job,
  JobDevice,  // a device that a job updates or calls
  Enrollment,
  Registration,  // a device at DPS
};
inline constexpr std::size_t kOperations = 12;

class Throttle {
 public:
  explicit Throttle(const Settings& settings) : settings_(settings) {}

  /// Errors: Throttled, with the time after which as much is available again.
  Outcome<Ok> take(Operation operation, std::int64_t amount = 1);

  /// What could be taken now; nothing: any amount.
  std::optional<std::int64_t> available(Operation operation);

 private:
  struct Bucket {
    double level = 0;
    contract::UnixSeconds filled_at = 0;  // 0: never used, full
  };
  Bucket& refilled(Operation operation, double capacity, double per_second);

  const Settings& settings_;
  std::array<Bucket, kOperations> buckets_;
};

}  // namespace ota::hub
