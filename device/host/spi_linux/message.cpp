#include "device/host/spi_linux/message.hpp"

#include <algorithm>
#include <cstring>

namespace ota::spi_linux {
namespace {

constexpr std::size_t kPartsOfFrame = 3;  // command, write, read

std::size_t rounded_up(std::size_t bytes) noexcept {
  return (bytes + kDmaAlignmentBytes - 1) / kDmaAlignmentBytes * kDmaAlignmentBytes;
}

std::size_t parts_of(const flash::SpiFrame& frame) noexcept {
  return static_cast<std::size_t>(!frame.command.empty()) +
         static_cast<std::size_t>(!frame.write.empty()) +
         static_cast<std::size_t>(!frame.read.empty());
}

std::size_t buffer_bytes_of(const flash::SpiFrame& frame) noexcept {
  return rounded_up(frame.command.size()) + rounded_up(frame.write.size()) +
         rounded_up(frame.read.size());
}

std::uint64_t address_of(const void* pointer) noexcept {
  return reinterpret_cast<std::uintptr_t>(pointer);
}

}  // namespace

std::size_t frame_bytes_max(std::size_t bufsiz) noexcept {
  // The command is one transfer of its own, rounded up; so is the data, whose end must not be
  // rounded past the buffer.
  const std::size_t data = bufsiz / kDmaAlignmentBytes * kDmaAlignmentBytes;
  return std::max(kFrameBytesMin, data - std::min(data, kDmaAlignmentBytes));
}

std::size_t frames_in_message(std::span<const flash::SpiFrame> frames,
                              std::size_t bufsiz) noexcept {
  std::size_t count = 0;
  std::size_t transfers = 0;
  std::size_t bytes = 0;
  for (const flash::SpiFrame& frame : frames) {
    transfers += parts_of(frame);
    bytes += buffer_bytes_of(frame);
    if (count != 0 && (transfers > kTransfersMax || bytes > bufsiz)) break;
    ++count;
  }
  return count;
}

std::size_t fill_transfers(std::span<const flash::SpiFrame> frames, std::uint32_t speed_hz,
                           Transfers& out) noexcept {
  static_assert(kPartsOfFrame <= kTransfersMax);
  // Newer kernels interpret or refuse fields that older headers do not name: nothing may be left
  // over in them.
  std::memset(out.data(), 0, sizeof out);
  std::size_t used = 0;
  const auto add = [&](std::size_t size) noexcept -> spi_ioc_transfer& {
    spi_ioc_transfer& transfer = out[used++];
    transfer.len = static_cast<std::uint32_t>(size);
    transfer.speed_hz = speed_hz;
    return transfer;
  };
  for (const flash::SpiFrame& frame : frames) {
    if (!frame.command.empty()) {
      add(frame.command.size()).tx_buf = address_of(frame.command.data());
    }
    if (!frame.write.empty()) add(frame.write.size()).tx_buf = address_of(frame.write.data());
    if (!frame.read.empty()) add(frame.read.size()).rx_buf = address_of(frame.read.data());
    // Chip select rises between two frames. After the last it rises by itself; set there, the bit
    // would keep it low.
    if (used != 0 && &frame != &frames.back()) out[used - 1].cs_change = 1;
  }
  return used;
}

}  // namespace ota::spi_linux
