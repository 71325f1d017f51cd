#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "device/host/command/internal/unique_fd.hpp"

namespace ota::command {

/// Holds the MCU for one process group: a lock on a file (flock). A child that inherits the
/// descriptor keeps the lock, so an agent that was restarted waits for a programmer that outlived
/// its agent.
class McuLock {
 public:
  /// Tries until `deadline`. @returns nothing if somebody else holds the MCU, or the file cannot be
  /// opened (`errno` says which: EWOULDBLOCK or the reason)
  static std::optional<McuLock> acquire(const std::string& path,
                                        std::chrono::steady_clock::time_point deadline);
  int fd() const noexcept { return fd_.get(); }

 private:
  explicit McuLock(UniqueFd fd) noexcept : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace ota::command
