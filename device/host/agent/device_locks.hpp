#pragma once

#include "device/host/agent/config.hpp"
#include "device/host/agent/file_lock.hpp"

namespace ota::agent {

/// One device, one agent: holds its state file and its flash chip.
struct DeviceLocks {
  FileLock state;
  FileLock flash;

  static Result<DeviceLocks, FileLock::Error> acquire(const Config& config);
};

}  // namespace ota::agent
