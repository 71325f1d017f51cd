#pragma once

#include "base/clock.hpp"

namespace ota::sim {

/// Time that moves only when told.
class ManualClock final : public Clock {
 public:
  Instant now() noexcept override { return now_; }
  void advance(Duration by) noexcept { now_ += by; }

  /// Moves on to `at`; never back.
  void advance_to(Instant at) noexcept {
    if (at > now_) now_ = at;
  }

 private:
  Instant now_{};
};

}  // namespace ota::sim
