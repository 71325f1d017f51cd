#pragma once

#include "sim/link/virtual_clock.hpp"

namespace ota::sim {

/// Time that moves only when told.
class ManualClock final : public VirtualClock {
 public:
  Instant now() noexcept override { return now_; }
  void advance(Duration by) noexcept override { now_ += by; }

 private:
  Instant now_{};
};

}  // namespace ota::sim
