#pragma once

#include <string>

#include "base/result.hpp"

namespace ota::spi_linux {

/// One output of the kernel's GPIO character device (uAPI v2, Linux 5.10 or later), active low:
/// asserted means 0 V. Held for the life of the object; afterwards the level is the board's to
/// define, by a pull-up.
class GpioLine {
 public:
  /// Requests the line, not asserted.
  ///
  /// @param chip    "/dev/gpiochip0"
  /// @errors A sentence for the user: no such chip or line, no permission, or used by somebody
  /// else.
  static Result<GpioLine, std::string> open(const std::string& chip, unsigned line);

  GpioLine(GpioLine&& other) noexcept : line_(other.line_) { other.line_ = -1; }
  GpioLine& operator=(GpioLine&&) = delete;
  ~GpioLine();

  bool set(bool asserted) noexcept;

 private:
  explicit GpioLine(int line) noexcept : line_(line) {}
  int line_;
};

}  // namespace ota::spi_linux
