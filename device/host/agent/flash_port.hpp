#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "device/core/flash/spi_bus.hpp"
#include "device/host/agent/config.hpp"

namespace ota::agent {

/// The bus to the flash chip, as the program opened it: a real one, or a simulated part in a file.
class FlashPort {
 public:
  virtual ~FlashPort() = default;
  virtual flash::SpiBus& bus() noexcept = 0;

  /// Erases of the most worn sector in the part's life; nothing where nobody counts them.
  virtual std::optional<std::uint32_t> erases_max() const noexcept = 0;

  /// Virtual time that a simulated part has spent in its life; nothing for a real one.
  virtual std::optional<double> simulated_seconds() const noexcept = 0;
};

/// The error is a sentence for people.
using OpenFlash =
    std::function<Result<std::unique_ptr<FlashPort>, std::string>(const FlashConfig&)>;

}  // namespace ota::agent
