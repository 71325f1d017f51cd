#include "device/host/agent/wall_clock.hpp"

#include <algorithm>
#include <ctime>
#include <utility>

namespace ota::agent {

UnixSeconds build_time() noexcept { return OTA_BUILD_TIME; }

WallClock::WallClock(UnixSeconds known_time, Source source)
    : source_(source ? std::move(source) : [] { return UnixSeconds{std::time(nullptr)}; }),
      floor_(std::max(known_time, build_time())) {}

UnixSeconds WallClock::now() const { return std::max(source_(), floor_); }

bool WallClock::is_set() const { return source_() >= build_time(); }

std::string WallClock::iso_time() const {
  return is_set() ? contract::to_iso8601(now()) : std::string();
}

}  // namespace ota::agent
