#include "device/host/spi_linux/spi_linux.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <thread>
#include <utility>

#include "device/host/spi_linux/message.hpp"

namespace ota::spi_linux {
namespace {

constexpr std::size_t kBufsizDefault = 4096;
constexpr std::size_t kBufsizMax =
    65536;  // more gives nothing: a read of 64 KiB takes 13 ms at 40 MHz

std::size_t kernel_bufsiz() {
  std::size_t bufsiz = 0;
  std::ifstream file("/sys/module/spidev/parameters/bufsiz");
  if (!(file >> bufsiz) || bufsiz < kFrameBytesMin) return kBufsizDefault;
  return std::min(bufsiz, kBufsizMax);
}

std::string failure(const std::string& what, const std::string& device) {
  const int reason = errno;
  std::string text = what + " " + device + ": " + std::strerror(reason);
  if (reason == ENOENT) text += "; is SPI enabled in the device tree, and spidev bound to it?";
  if (reason == EACCES) text += "; run as a member of the group that owns it (often 'spi')";
  return text;
}

/// Mode 0, 8 bits. A controller that cannot leave its own chip select alone toggles a pin that is
/// not wired.
bool set_up(int device, const SpiOptions& options) {
  constexpr std::uint32_t kMode = SPI_MODE_0;
  std::uint32_t mode = kMode;
  if (options.chip_select) mode |= std::uint32_t{SPI_NO_CS};
  if (::ioctl(device, SPI_IOC_WR_MODE32, &mode) != 0) {
    mode = kMode;
    if (!options.chip_select || ::ioctl(device, SPI_IOC_WR_MODE32, &mode) != 0) return false;
  }
  std::uint8_t bits = 8;
  std::uint32_t speed_hz = options.speed_hz;
  return ::ioctl(device, SPI_IOC_WR_BITS_PER_WORD, &bits) == 0 &&
         ::ioctl(device, SPI_IOC_WR_MAX_SPEED_HZ, &speed_hz) == 0;
}

}  // namespace

Result<SpiLinux, std::string> SpiLinux::open(const SpiOptions& options) {
  if (options.speed_hz == 0) return std::string("the SPI speed must be above 0 Hz");
  std::optional<GpioLine> chip_select;
  if (options.chip_select) {
    auto line = GpioLine::open(options.chip_select->chip, options.chip_select->line);
    if (!line) return line.error();
    chip_select.emplace(std::move(line).value());
  }
  const int device = ::open(options.device.c_str(), O_RDWR | O_CLOEXEC);
  if (device < 0) return failure("cannot open the SPI device", options.device);
  if (!set_up(device, options)) {
    std::string text = failure("cannot set mode and speed of", options.device);
    ::close(device);
    return text;
  }
  return SpiLinux(device, options.speed_hz, std::move(chip_select));
}

SpiLinux::SpiLinux(int device, std::uint32_t speed_hz, std::optional<GpioLine> chip_select) noexcept
    : device_(device),
      speed_hz_(speed_hz),
      chip_select_(std::move(chip_select)),
      bufsiz_(kernel_bufsiz()),
      frame_bytes_max_(spi_linux::frame_bytes_max(bufsiz_)) {}

SpiLinux::SpiLinux(SpiLinux&& other) noexcept
    : device_(std::exchange(other.device_, -1)),
      speed_hz_(other.speed_hz_),
      chip_select_(std::move(other.chip_select_)),
      bufsiz_(other.bufsiz_),
      frame_bytes_max_(other.frame_bytes_max_) {}

SpiLinux::~SpiLinux() {
  if (device_ >= 0) ::close(device_);
}

Status SpiLinux::transfer(std::span<const flash::SpiFrame> frames) noexcept {
  if (frames.size() > kFramesMax) return Errc::OutOfRange;
  while (!frames.empty()) {
    // A GPIO is switched by us, so each frame is a message of its own.
    const std::size_t count = chip_select_ ? 1 : frames_in_message(frames, bufsiz_);
    if (chip_select_ && !chip_select_->set(true)) {
      last_error_ = errno;
      return Errc::Io;
    }
    const Status sent = send(frames.first(count));
    if (chip_select_ && !chip_select_->set(false)) {
      last_error_ = errno;
      return Errc::Io;
    }
    OTA_TRY(sent);
    frames = frames.subspan(count);
  }
  return Ok{};
}

Status SpiLinux::send(std::span<const flash::SpiFrame> frames) noexcept {
  Transfers transfers;
  const std::size_t count = fill_transfers(frames, speed_hz_, transfers);
  if (count == 0) return Errc::OutOfRange;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < count; ++i) bytes += transfers[i].len;
  // SPI_IOC_MESSAGE(count), which is a variable length array where count is no constant.
  const auto request = _IOC(_IOC_WRITE, SPI_IOC_MAGIC, 0, count * sizeof(spi_ioc_transfer));
  const int done = ::ioctl(device_, request, transfers.data());
  if (done >= 0 && static_cast<std::size_t>(done) == bytes) return Ok{};
  last_error_ = done < 0 ? errno : EIO;
  if (done < 0 && last_error_ == EMSGSIZE && frame_bytes_max_ > kFrameBytesMin) {
    bufsiz_ = std::max(kFrameBytesMin, bufsiz_ / 2);
    frame_bytes_max_ = std::max(kFrameBytesMin, frame_bytes_max_ / 2);
    return Errc::OutOfRange;
  }
  return Errc::Io;
}

void SpiLinux::wait(Duration duration) noexcept { std::this_thread::sleep_for(duration); }

Instant SpiLinux::now() noexcept {
  const auto uptime = std::chrono::steady_clock::now().time_since_epoch();
  return Instant(std::chrono::duration_cast<Duration>(uptime));
}

}  // namespace ota::spi_linux
