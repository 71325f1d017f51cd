#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "device/host/agent/flash_port.hpp"

namespace ota::cli {

/// Opens the chip that the configuration names: a simulated one in a file, or a real one on the SPI
/// bus.
Result<std::unique_ptr<agent::FlashPort>, std::string> open_flash(const agent::FlashConfig& config);

}  // namespace ota::cli
