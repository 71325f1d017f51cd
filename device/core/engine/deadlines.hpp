#pragma once

// How long a phase may take. Everything counts uptime, never wall time.

#include <algorithm>
#include <optional>

#include "base/clock.hpp"
#include "device/core/store/journal.hpp"

namespace ota::engine {

/// Downloading without one new byte.
inline constexpr Duration kStallMax = std::chrono::hours(24);
inline constexpr Duration kVerifyMax = std::chrono::minutes(10);
/// Between two tries while something is missing that only a person or the cloud can bring.
inline constexpr Duration kDailyTry = std::chrono::hours(24);
/// Somebody else holds the MCU: growing up to the second.
inline constexpr Duration kBusyMcuPauseMin = std::chrono::minutes(1);
inline constexpr Duration kBusyMcuPauseMax = std::chrono::hours(1);
inline constexpr Duration kRollbackPauseMin = std::chrono::minutes(1);
/// Between two programmings: the MCU may still be starting.
inline constexpr Duration kProgramAgainPause = std::chrono::seconds(10);
/// Between two tries to find a flash that does not answer: growing up to the second.
inline constexpr Duration kMountPauseMin = std::chrono::seconds(10);
inline constexpr Duration kMountPauseMax = std::chrono::hours(1);
/// Rest before free blocks are erased ahead: a device that restarts all the time never gets there.
inline constexpr Duration kEraseAheadAfter = std::chrono::minutes(10);
/// An outcome that the hub does not acknowledge is sent again: growing up to the second.
inline constexpr Duration kOutcomePauseMin = std::chrono::minutes(1);
inline constexpr Duration kOutcomePauseMax = std::chrono::hours(1);

/// `first`, doubled with each further try, at most `most`.
constexpr Duration growing_pause(Duration first, Duration most, int tries) noexcept {
  Duration pause = first;
  for (int i = 1; i < tries && pause < most; ++i) pause *= 2;
  return std::min(pause, most);
}

/// How long to wait before the next try.
/// @param busy_tries  tries in a row that found the MCU held by somebody else
constexpr Duration wait_time(const store::Journal& journal, int busy_tries) noexcept {
  if (journal.reason == contract::Code::McuFailed) {
    return growing_pause(kBusyMcuPauseMin, kBusyMcuPauseMax, busy_tries);
  }
  if (journal.reason != contract::Code::RollbackFailed) return kDailyTry;
  return growing_pause(kRollbackPauseMin, kDailyTry, journal.rollback_failures);
}

/// The time after which the phase ends with DeadlinePassed. Programming has the programmer's own
/// time-out, confirming and rolling back have confirm_timeout; idle has none.
constexpr std::optional<Duration> deadline_of(const store::Journal& journal,
                                              int busy_tries) noexcept {
  switch (journal.phase) {
    case contract::Phase::Waiting:
      return wait_time(journal, busy_tries);
    case contract::Phase::Downloading:
      return kStallMax;
    case contract::Phase::Verifying:
      return kVerifyMax;
    case contract::Phase::Idle:
    case contract::Phase::Programming:
    case contract::Phase::Confirming:
    case contract::Phase::RollingBack:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace ota::engine
