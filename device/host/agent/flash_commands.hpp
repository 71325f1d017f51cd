#pragma once

// What a person at the device can do with the flash chip: mcu-ota-agent flash info|test|format, and
// import.

#include <cstdint>
#include <string>

#include "device/host/agent/agent.hpp"

namespace ota::agent {

struct ImportRequest {
  std::string file;
  std::uint32_t version = 0;
  std::string mcu_version;  // empty: decimal version
};

/// Prints the chip's id and geometry and what is stored on it. Changes nothing.
ExitCode flash_info(const Config& config, const OpenFlash& open_flash);

/// Writes the image in a slot ("current" or "candidate") to a file, as it is on the flash.
ExitCode flash_read(const Config& config, const OpenFlash& open_flash, const std::string& slot,
                    const std::string& file);

/// Checks id, wiring and cells. On a chip with a file system it writes to free blocks only; on any
/// other it needs `yes`, because it overwrites the last block.
ExitCode flash_test(const Config& config, const OpenFlash& open_flash, bool yes);

/// Makes an empty file system.
ExitCode flash_format(const Config& config, const OpenFlash& open_flash, bool yes);

/// Stores a file as the image that the MCU runs now: what a later rollback goes back to.
ExitCode import_image(const Config& config, const OpenFlash& open_flash,
                      const ImportRequest& request, bool yes);

}  // namespace ota::agent
