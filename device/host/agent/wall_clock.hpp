#pragma once

// The time of day, on devices that may boot without knowing it.

#include <atomic>
#include <functional>
#include <string>

#include "contract/azure/sas.hpp"

namespace ota::agent {

using contract::UnixSeconds;

/// When this program was built: the time of day is certainly later.
UnixSeconds build_time() noexcept;

class WallClock {
 public:
  using Source = std::function<UnixSeconds()>;

  /// @param known_time  a time that has certainly passed, such as the last one saved
  explicit WallClock(UnixSeconds known_time, Source source = {});

  /// The best guess: the system's time, or the latest time known to have passed. @thread any
  UnixSeconds now() const;

  /// False while the system's time cannot be right. @thread any
  bool is_set() const;

  /// ISO 8601, or empty while the clock is not set.
  std::string iso_time() const;

 private:
  Source source_;
  UnixSeconds floor_;
};

}  // namespace ota::agent
