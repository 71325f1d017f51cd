#pragma once

#include <chrono>

namespace ota {

/// Time since the device started. Deadlines count it, never wall time: it only moves forward and
/// needs no time server.
struct UptimeEpoch {
  using duration = std::chrono::microseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<UptimeEpoch, duration>;
  static constexpr bool is_steady = true;
};
using Duration = UptimeEpoch::duration;
using Instant = UptimeEpoch::time_point;

class Clock {
 public:
  virtual Instant now() noexcept = 0;

 protected:
  ~Clock() = default;  // used by reference, never owned
};

}  // namespace ota
