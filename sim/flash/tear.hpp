#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "sim/flash/flash_cells.hpp"

namespace ota::sim {

/// What a power cut leaves of a page program.
enum class ProgramTear : std::uint8_t {
  None,           // nothing happened yet
  All,            // done, but nobody was told
  Prefix,         // the first bytes
  RandomSubset,   // each bit with a probability of its own
  BarelyStarted,  // one to eight bits
  AlmostDone,     // all but one to eight bits
};
inline constexpr std::uint8_t kProgramTearCount = 6;

/// What a power cut leaves of an erase.
enum class EraseTear : std::uint8_t {
  None,           // the old content
  All,            // done, but nobody was told
  PreProgrammed,  // all bits 0: parts do that first
  Partial,        // the old content with some zeros gone
  AlmostDone,     // FFh, but for one to eight bits
  SubSector,      // some sectors of 4 KiB done, one partial, the rest old
  Unstable,       // FFh or the old content, but up to 64 cells read 0 or 1, anew each time
};
inline constexpr std::uint8_t kEraseTearCount = 7;

const char* to_text(ProgramTear tear) noexcept;
const char* to_text(EraseTear tear) noexcept;

/// Applies a torn program. @param data what the page would have been ANDed with, inside one page
void tear_program(FlashCells& cells, std::uint32_t address, Bytes data, ProgramTear tear,
                  Random& random);

/// Applies a torn erase of an aligned range.
void tear_erase(FlashCells& cells, std::uint32_t address, std::uint32_t size_bytes, EraseTear tear,
                Random& random);

}  // namespace ota::sim
