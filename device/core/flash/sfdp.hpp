#pragma once

// Serial Flash Discoverable Parameters (JEDEC JESD216 rev. B): what a SPI flash says of itself.
// Pure parsing, no I/O.
//
//   header, at 000000h      0 "SFDP"   4 minor   5 major   6 number of parameter headers - 1   7
//   FFh parameter header k, at 8 + 8k   0 id (low)   1 minor   2 major   3 length in dwords   4..6
//   address   7 id (high) basic flash parameter table     id FF00h, 9 dwords (rev. 1.0) or 16
//   (rev. 1.5), little-endian

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace ota::flash {

/// How much of the header a driver reads: room for seven parameter headers.
inline constexpr std::size_t kSfdpHeaderBytes = 64;

/// What is read of the basic table; later dwords matter to nobody here.
inline constexpr std::size_t kSfdpTableBytesMax = 64;

struct SfdpTablePlace {
  std::uint32_t address = 0;
  std::uint32_t size_bytes = 0;  // 36 .. kSfdpTableBytesMax, a multiple of 4
};

struct EraseType {
  std::uint32_t size_bytes = 0;  // 0: unused entry
  std::uint8_t opcode = 0;
  Duration limit{};  // the part needs at most this long; never below what the datasheets say
};

/// What the driver needs to know of a part, with limits that already are the larger of SFDP and
/// datasheet.
struct FlashParameters {
  std::uint32_t size_bytes = 0;
  std::uint32_t page_bytes = 0;
  std::array<EraseType, 4> erase{};  // smallest first
  std::uint8_t resume_opcode = 0;
  Duration program_limit{};
  Duration status_write_limit{};
};

/// Finds the basic flash parameter table.
///
/// @param header  the first bytes of the SFDP space, at least 16
/// @errors Corrupt: no signature, or no usable basic table
Result<SfdpTablePlace> find_basic_table(Bytes header) noexcept;

/// Reads the basic flash parameter table; a table without time limits (rev. 1.0) gets conservative
/// ones.
///
/// @errors Corrupt: too short, no erase type, or sizes that no part has
Result<FlashParameters> parse_basic_table(Bytes table) noexcept;

/// For parts without SFDP: the opcodes common to 25-series parts and conservative limits.
FlashParameters conservative_parameters(std::uint32_t size_bytes) noexcept;

}  // namespace ota::flash
