#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.hpp"
#include "base/random.hpp"

namespace ota {

/// Exponential back-off with full jitter: uniform in 0 .. min(cap, base * 2^attempt). A fleet that
/// lost its server at one moment does not come back at one moment.
class Backoff {
 public:
  constexpr Backoff(Duration base, Duration cap) noexcept : base_(base), cap_(cap) {}

  /// The delay before the next try; each call counts one failed try.
  Duration next(Random& random) noexcept {
    const Duration limit = ceiling();
    if (failures_ < kDoublingsMax) ++failures_;
    return Duration(
        static_cast<Duration::rep>(random.below(static_cast<std::uint64_t>(limit.count()) + 1)));
  }

  /// What the next delay cannot exceed.
  constexpr Duration ceiling() const noexcept {
    Duration limit = base_;
    for (std::uint32_t i = 0; i < failures_ && limit < cap_; ++i) limit *= 2;
    return std::min(limit, cap_);
  }

  constexpr void reset() noexcept { failures_ = 0; }
  constexpr std::uint32_t failures() const noexcept { return failures_; }

 private:
  static constexpr std::uint32_t kDoublingsMax = 30;
  Duration base_;
  Duration cap_;
  std::uint32_t failures_ = 0;
};

}  // namespace ota
