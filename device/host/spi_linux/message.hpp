#pragma once

// How frames become messages of the kernel's spidev: pure, so that its rules are tested without
// hardware.
//
// One message is one ioctl. The kernel copies all of it through a buffer of `bufsiz` bytes; old
// kernels count every transfer, newer ones count sending and receiving apart and round each up to
// the DMA alignment of the platform. What is within the strictest of these rules is taken by all.
// @source Linux, drivers/spi/spidev.c; Documentation/spi/spidev

#include <linux/spi/spidev.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "device/core/flash/spi_bus.hpp"

namespace ota::spi_linux {

inline constexpr std::size_t kTransfersMax = 16;
inline constexpr std::size_t kDmaAlignmentBytes = 128;

/// Frames shorter than this must always pass: a page program has 260 bytes.
inline constexpr std::size_t kFrameBytesMin = 512;

using Transfers = std::array<spi_ioc_transfer, kTransfersMax>;

/// The longest frame that fits into a buffer of `bufsiz` bytes by the strictest rule.
std::size_t frame_bytes_max(std::size_t bufsiz) noexcept;

/// How many of the frames, from the first, one message can carry; at least one. A frame is never
/// split: chip select rises at the end of a message.
std::size_t frames_in_message(std::span<const flash::SpiFrame> frames, std::size_t bufsiz) noexcept;

/// Fills the transfers of one message.
///
/// @param frames  as many as frames_in_message() said
/// @returns the transfers used; 0 if the frames have no bytes
std::size_t fill_transfers(std::span<const flash::SpiFrame> frames, std::uint32_t speed_hz,
                           Transfers& out) noexcept;

}  // namespace ota::spi_linux
