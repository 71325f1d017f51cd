#pragma once

#include "base/clock.hpp"

namespace ota::sim {

/// Time that a simulated part can spend.
class VirtualClock : public Clock {
 public:
  virtual void advance(Duration by) noexcept = 0;

  /// Moves on to `at`; never back.
  void advance_to(Instant at) noexcept {
    const Instant present = now();
    if (at > present) advance(at - present);
  }

 protected:
  ~VirtualClock() = default;
};

}  // namespace ota::sim
