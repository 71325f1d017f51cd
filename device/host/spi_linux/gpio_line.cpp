#include "device/host/spi_linux/gpio_line.hpp"

#include <fcntl.h>
#include <linux/gpio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ota::spi_linux {

Result<GpioLine, std::string> GpioLine::open(const std::string& chip, unsigned line) {
  const std::string what = "line " + std::to_string(line) + " of " + chip;
  const int chip_file = ::open(chip.c_str(), O_RDWR | O_CLOEXEC);
  if (chip_file < 0) {
    return "cannot open the GPIO chip " + chip + ": " + std::strerror(errno);
  }
  gpio_v2_line_request request{};
  request.offsets[0] = line;
  request.num_lines = 1;
  std::strncpy(request.consumer, "mcu-ota chip select", sizeof request.consumer - 1);
  request.config.flags = GPIO_V2_LINE_FLAG_OUTPUT | GPIO_V2_LINE_FLAG_ACTIVE_LOW;
  // Without an initial value the line could select the flash before the first frame.
  request.config.num_attrs = 1;
  request.config.attrs[0].mask = 1;
  request.config.attrs[0].attr.id = GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES;
  request.config.attrs[0].attr.values = 0;
  const int failed = ::ioctl(chip_file, GPIO_V2_GET_LINE_IOCTL, &request);
  const int reason = errno;
  ::close(chip_file);
  if (failed != 0) {
    const char* const advice = reason == EBUSY    ? "; another program or driver holds it"
                               : reason == EINVAL ? "; is there such a line (see gpioinfo)?"
                                                  : "";
    return "cannot use " + what + " as chip select: " + std::strerror(reason) + advice;
  }
  return GpioLine(request.fd);
}

GpioLine::~GpioLine() {
  if (line_ >= 0) ::close(line_);
}

bool GpioLine::set(bool asserted) noexcept {
  gpio_v2_line_values values{};
  values.mask = 1;
  values.bits = asserted ? 1 : 0;
  return ::ioctl(line_, GPIO_V2_LINE_SET_VALUES_IOCTL, &values) == 0;
}

}  // namespace ota::spi_linux
