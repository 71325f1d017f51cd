#pragma once

#include <chrono>
#include <cstdint>

#include "base/clock.hpp"

namespace ota::net {

/// The hub and DPS answer a request within this time, or it counts as lost.
inline constexpr Duration kAnswerTimeout = std::chrono::seconds(30);

/// Added to every jittered delay: full jitter alone may say "at once".
inline constexpr Duration kRetryFloor = std::chrono::seconds(1);

/// Several patches of one configuration change count as one.
inline constexpr Duration kSettleTime = std::chrono::seconds(2);

/// What a site may choose: a slow satellite link wants longer times than a laboratory.
struct Timing {
  Duration answer_timeout = kAnswerTimeout;
  Duration settle_time = kSettleTime;
  Duration retry_max = std::chrono::minutes(15);  // no pause between two tries is longer
};

constexpr std::int64_t whole_seconds(Duration duration) noexcept {
  return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

}  // namespace ota::net
