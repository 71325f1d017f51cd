#include "device/host/agent/device_locks.hpp"

#include <utility>

namespace ota::agent {

Result<DeviceLocks, FileLock::Error> DeviceLocks::acquire(const Config& config) {
  OTA_TRY(FileLock state, FileLock::acquire(config.state_file + ".lock"));
  const FlashConfig& flash = config.flash;
  const bool is_file = flash.kind == FlashConfig::Kind::File;
  OTA_TRY(FileLock chip, is_file ? FileLock::acquire(flash.path + ".lock")
                                 : FileLock::acquire(flash.device, FileLock::Missing::IsError));
  return DeviceLocks{std::move(state), std::move(chip)};
}

}  // namespace ota::agent
