#pragma once

#include <chrono>

#include "base/clock.hpp"

namespace ota::agent {

/// Uptime as Linux counts it.
class SteadyClock final : public Clock {
 public:
  Instant now() noexcept override {
    return Instant(
        std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
  }
};

}  // namespace ota::agent
