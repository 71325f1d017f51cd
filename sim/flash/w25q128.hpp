#pragma once

// The W25Q128JV in numbers. Sources: Winbond W25Q128JV datasheet Rev F (2018-03-27), AC
// characteristics; SFDP bytes of a real part (id EF4018) as published with the Linux spi-nor change
// that reads them.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ota::sim {

/// The largest part, and the one that is meant where no other size is given.
inline constexpr std::uint32_t kFlashBytes = 16U * 1024U * 1024U;
inline constexpr std::uint32_t kFlashBytesMin = 512U * 1024U;
inline constexpr std::uint32_t kPageBytes = 256;
inline constexpr std::uint32_t kSectorBytes = 4096;
inline constexpr std::uint32_t kBlockBytes = 65536;
inline constexpr std::uint32_t kSectorCount = kFlashBytes / kSectorBytes;
inline constexpr std::uint32_t kBlockCount = kFlashBytes / kBlockBytes;

/// The id of a part of this series: its last byte is the size as a power of two.
constexpr std::array<std::uint8_t, 3> w25q_jedec_id(std::uint32_t size_bytes) noexcept {
  return {0xEF, 0x40, static_cast<std::uint8_t>(std::countr_zero(size_bytes))};
}

/// How long operations take, in nanoseconds.
struct FlashTimes {
  std::uint64_t program_ns = 0;       // tPP, charged in full for a part of a page too
  std::uint64_t erase_4k_ns = 0;      // tSE
  std::uint64_t erase_32k_ns = 0;     // tBE1
  std::uint64_t erase_64k_ns = 0;     // tBE2
  std::uint64_t erase_chip_ns = 0;    // tCE
  std::uint64_t status_write_ns = 0;  // tW
};

inline constexpr std::uint64_t kMicrosecond = 1'000;
inline constexpr std::uint64_t kMillisecond = 1'000'000;
inline constexpr std::uint64_t kSecond = 1'000'000'000;

/// Datasheet, typical: a new part at room temperature.
inline constexpr FlashTimes kTypicalTimes = {.program_ns = 400 * kMicrosecond,
                                             .erase_4k_ns = 45 * kMillisecond,
                                             .erase_32k_ns = 120 * kMillisecond,
                                             .erase_64k_ns = 150 * kMillisecond,
                                             .erase_chip_ns = 40 * kSecond,
                                             .status_write_ns = 10 * kMillisecond};

/// Datasheet, maximum: hot and at the end of its life.
inline constexpr FlashTimes kMaximumTimes = {.program_ns = 3 * kMillisecond,
                                             .erase_4k_ns = 400 * kMillisecond,
                                             .erase_32k_ns = 1600 * kMillisecond,
                                             .erase_64k_ns = 2000 * kMillisecond,
                                             .erase_chip_ns = 200 * kSecond,
                                             .status_write_ns = 15 * kMillisecond};

/// The maxima that the part's SFDP states; they are larger than the datasheet's.
inline constexpr FlashTimes kSfdpMaximumTimes = {.program_ns = 4224 * kMicrosecond,
                                                 .erase_4k_ns = 896 * kMillisecond,
                                                 .erase_32k_ns = 1792 * kMillisecond,
                                                 .erase_64k_ns = 2240 * kMillisecond,
                                                 .erase_chip_ns = 240 * kSecond,
                                                 .status_write_ns = 15 * kMillisecond};

inline constexpr std::size_t kSfdpBytes = 256;

/// The SFDP space of the W25Q128JV, or of one like it in another size; bytes that are not given
/// here read FFh.
constexpr std::array<std::uint8_t, kSfdpBytes> w25q_sfdp(std::uint32_t size_bytes) noexcept {
  constexpr std::array<std::uint8_t, 16> kHeader = {0x53, 0x46, 0x44, 0x50, 0x05, 0x01, 0x00, 0xFF,
                                                    0x00, 0x05, 0x01, 0x10, 0x80, 0x00, 0x00, 0xFF};
  constexpr std::array<std::uint8_t, 64> kTable = {
      0xE5, 0x20, 0xF9, 0xFF, 0xFF, 0xFF, 0xFF, 0x07, 0x44, 0xEB, 0x08, 0x6B, 0x08,
      0x3B, 0x42, 0xBB, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0xFF, 0xFF,
      0x40, 0xEB, 0x0C, 0x20, 0x0F, 0x52, 0x10, 0xD8, 0x00, 0x00, 0x36, 0x02, 0xA6,
      0x00, 0x82, 0xEA, 0x14, 0xC9, 0xE9, 0x63, 0x76, 0x33, 0x7A, 0x75, 0x7A, 0x75,
      0xF7, 0xA2, 0xD5, 0x5C, 0x19, 0xF7, 0x4D, 0xFF, 0xE9, 0x30, 0xF8, 0x80};
  std::array<std::uint8_t, kSfdpBytes> space{};
  for (auto& byte : space) byte = 0xFF;
  for (std::size_t i = 0; i < kHeader.size(); ++i) space[i] = kHeader[i];
  for (std::size_t i = 0; i < kTable.size(); ++i) space[0x80 + i] = kTable[i];
  const std::uint32_t density = 8 * size_bytes - 1;  // the last bit, little-endian
  for (unsigned i = 0; i < 4; ++i) {
    space[0x84 + i] = static_cast<std::uint8_t>((density >> (8 * i)) & 0xFFU);
  }
  return space;
}

}  // namespace ota::sim
