#include "device/core/flash/sfdp.hpp"

#include <algorithm>
#include <optional>

namespace ota::flash {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::uint32_t kSignature = 0x50444653;  // "SFDP", little-endian
constexpr std::size_t kDwordsMin = 9;
constexpr std::size_t kDwordsWithTimes = 11;
constexpr std::size_t kDwordsWithSuspend = 13;
constexpr std::uint32_t kUnitExponentMin = 8;
constexpr std::uint32_t kUnitExponentMax = 20;

// Never below these, whatever the part says: the larger of the datasheet maxima of this class of
// parts and a margin for hot and worn ones. A time-out that comes too early is followed by writes
// into a half-erased sector.
constexpr Duration kProgramFloor = milliseconds(5);
constexpr Duration kStatusWriteFloor = milliseconds(50);
constexpr std::uint8_t kResumeOpcode = 0x7A;

constexpr Duration erase_floor(std::uint32_t size_bytes) noexcept {
  if (size_bytes <= 4096) return milliseconds(500);
  if (size_bytes <= 32768) return milliseconds(2000);
  return milliseconds(3000);
}

/// Dword numbers are those of the standard: the first is 1.
std::uint32_t dword(Bytes table, std::size_t number) noexcept {
  return load_le32(table.data() + 4 * (number - 1));
}

constexpr std::uint32_t bits(std::uint32_t value, unsigned low, unsigned count) noexcept {
  return (value >> low) & ((1U << count) - 1U);
}

/// Dword 10: typical = (count + 1) * unit; maximum = 2 * (multiplier + 1) * typical.
Duration erase_limit(std::uint32_t dword10, unsigned type) noexcept {
  constexpr std::array<milliseconds, 4> kUnits = {milliseconds(1), milliseconds(16),
                                                  milliseconds(128), milliseconds(1000)};
  const unsigned low = 4 + 7 * type;
  const std::uint32_t factor = 2 * (bits(dword10, 0, 4) + 1);
  return kUnits[bits(dword10, low + 5, 2)] * (bits(dword10, low, 5) + 1) * factor;
}

Duration program_limit(std::uint32_t dword11) noexcept {
  const microseconds unit = bits(dword11, 13, 1) != 0 ? microseconds(64) : microseconds(8);
  return unit * (bits(dword11, 8, 5) + 1) * (2 * (bits(dword11, 0, 4) + 1));
}

Result<std::uint32_t> density_bytes(std::uint32_t dword2) noexcept {
  if ((dword2 & 0x80000000U) != 0) {
    const std::uint32_t exponent = dword2 & 0x7FFFFFFFU;  // the part has 2^exponent bits
    if (exponent < 16 || exponent > 34) return Errc::Corrupt;
    return std::uint32_t{1} << (exponent - 3);
  }
  const std::uint32_t bytes = (dword2 >> 3U) + 1;
  if (bytes < 8192 || (bytes & (bytes - 1)) != 0 || (dword2 & 7U) != 7U) return Errc::Corrupt;
  return bytes;
}

Status read_erase_types(Bytes table, FlashParameters& part) noexcept {
  const bool has_times = table.size() >= 4 * kDwordsWithTimes;
  std::size_t count = 0;
  for (unsigned type = 0; type < 4; ++type) {
    const std::uint32_t pair = dword(table, 8 + type / 2) >> (16 * (type % 2));
    const std::uint32_t exponent = bits(pair, 0, 8);
    if (exponent == 0) continue;
    if (exponent < kUnitExponentMin || exponent > kUnitExponentMax) return Errc::Corrupt;
    const std::uint32_t size = 1U << exponent;
    if (size > part.size_bytes) return Errc::Corrupt;
    Duration limit = erase_floor(size);
    if (has_times) limit = std::max(limit, erase_limit(dword(table, 10), type));
    const EraseType found{size, static_cast<std::uint8_t>(bits(pair, 8, 8)), limit};
    std::size_t at = count++;
    for (; at != 0 && part.erase[at - 1].size_bytes > size; --at) {
      part.erase[at] = part.erase[at - 1];
    }
    part.erase[at] = found;
  }
  if (count == 0) return Errc::Corrupt;
  return Ok{};
}

}  // namespace

Result<SfdpTablePlace> find_basic_table(Bytes header) noexcept {
  if (header.size() < 16 || load_le32(header.data()) != kSignature) return Errc::Corrupt;
  const std::size_t listed = std::to_integer<std::size_t>(header[6]) + 1;
  const std::size_t readable = (header.size() - 8) / 8;
  std::optional<SfdpTablePlace> best;
  for (std::size_t k = 0; k < std::min(listed, readable); ++k) {
    const Bytes entry = header.subspan(8 + 8 * k, 8);
    if (entry[0] != std::byte{0x00} || entry[7] != std::byte{0xFF}) continue;
    const auto dwords = std::to_integer<std::size_t>(entry[3]);
    if (dwords < kDwordsMin) continue;
    const auto size = static_cast<std::uint32_t>(std::min(4 * dwords, kSfdpTableBytesMax));
    // A part may list the table in several revisions; the last one is the newest.
    best = SfdpTablePlace{load_le32(entry.data() + 4) & 0x00FFFFFFU, size};
  }
  if (!best) return Errc::Corrupt;
  return *best;
}

Result<FlashParameters> parse_basic_table(Bytes table) noexcept {
  if (table.size() < 4 * kDwordsMin) return Errc::Corrupt;
  FlashParameters part;
  OTA_TRY(part.size_bytes, density_bytes(dword(table, 2)));
  part.page_bytes = 256;
  part.program_limit = kProgramFloor;
  part.status_write_limit = kStatusWriteFloor;
  part.resume_opcode = kResumeOpcode;
  if (table.size() >= 4 * kDwordsWithTimes) {
    const std::uint32_t dword11 = dword(table, 11);
    const std::uint32_t page_exponent = bits(dword11, 4, 4);
    if (page_exponent < 4) return Errc::Corrupt;
    part.page_bytes = 1U << page_exponent;
    part.program_limit = std::max(kProgramFloor, program_limit(dword11));
  }
  if (table.size() >= 4 * kDwordsWithSuspend && bits(dword(table, 12), 31, 1) == 0) {
    part.resume_opcode = static_cast<std::uint8_t>(bits(dword(table, 13), 16, 8));
  }
  OTA_TRY(read_erase_types(table, part));
  return part;
}

FlashParameters conservative_parameters(std::uint32_t size_bytes) noexcept {
  FlashParameters part;
  part.size_bytes = size_bytes;
  part.page_bytes = 256;
  part.erase[0] = {4096, 0x20, erase_floor(4096)};
  part.erase[1] = {65536, 0xD8, erase_floor(65536)};
  part.resume_opcode = kResumeOpcode;
  part.program_limit = kProgramFloor;
  part.status_write_limit = kStatusWriteFloor;
  return part;
}

}  // namespace ota::flash
