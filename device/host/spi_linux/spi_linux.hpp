#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "device/core/flash/spi_bus.hpp"
#include "device/host/spi_linux/gpio_line.hpp"

namespace ota::spi_linux {

struct GpioPlace {
  std::string chip;  // "/dev/gpiochip0"
  unsigned line = 0;
};

struct SpiOptions {
  std::string device = "/dev/spidev0.0";
  std::uint32_t speed_hz = 8'000'000;  // the controller rounds down to what it can
  /// A GPIO as chip select, where that of the controller is not wired; two more system calls for
  /// each frame.
  std::optional<GpioPlace> chip_select{};
};

/// The SPI bus behind /dev/spidevB.C.
class SpiLinux final : public flash::SpiBus {
 public:
  /// @errors A sentence for the user: what, why, what to do.
  static Result<SpiLinux, std::string> open(const SpiOptions& options);

  SpiLinux(SpiLinux&& other) noexcept;
  SpiLinux& operator=(SpiLinux&&) = delete;
  ~SpiLinux();

  Status transfer(std::span<const flash::SpiFrame> frames) noexcept override;
  std::size_t frame_bytes_max() const noexcept override { return frame_bytes_max_; }
  void wait(Duration duration) noexcept override;
  Instant now() noexcept override;

  /// errno of the last transfer that failed, for the log.
  int last_error() const noexcept { return last_error_; }

 private:
  SpiLinux(int device, std::uint32_t speed_hz, std::optional<GpioLine> chip_select) noexcept;
  Status send(std::span<const flash::SpiFrame> frames) noexcept;

  int device_;
  std::uint32_t speed_hz_;
  std::optional<GpioLine> chip_select_;
  std::size_t bufsiz_;
  std::size_t frame_bytes_max_;
  int last_error_ = 0;
};

}  // namespace ota::spi_linux
