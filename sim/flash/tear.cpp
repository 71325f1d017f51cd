#include "sim/flash/tear.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace ota::sim {
namespace {

using Page = std::array<std::byte, kPageBytes>;
using Sector = std::array<std::byte, kSectorBytes>;

std::byte bit_mask(std::size_t bit) { return static_cast<std::byte>(1U << (bit % 8)); }

/// Sets bits of `bytes` with a probability of level / 256 each. Eight random words decide 64 bits:
/// folding them from the lowest bit of the level upwards, with OR for a 1 and AND for a 0, halves
/// the error of the probability at each step.
void set_random_bits(MutableBytes bytes, unsigned level, Random& random) {
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    std::uint64_t word = 0;
    for (unsigned step = 0; step < 8; ++step) {
      const std::uint64_t draw = random.next();
      word = ((level >> step) & 1U) != 0 ? word | draw : word & draw;
    }
    for (std::size_t i = at; i < std::min(at + 8, bytes.size()); ++i) {
      bytes[i] |= static_cast<std::byte>(word & 0xFFU);
      word >>= 8U;
    }
  }
}

unsigned draw_level(Random& random) { return static_cast<unsigned>(8 + random.below(240)); }

/// The bits that the program clears and that are still set.
std::vector<std::size_t> bits_to_clear(Bytes old, Bytes data) {
  std::vector<std::size_t> bits;
  for (std::size_t bit = 0; bit < 8 * data.size(); ++bit) {
    if ((old[bit / 8] & ~data[bit / 8] & bit_mask(bit)) != std::byte{0}) bits.push_back(bit);
  }
  return bits;
}

void partly_erase(FlashCells& cells, std::uint32_t sector, Random& random) {
  Sector bytes{};
  cells.read(sector, bytes);
  set_random_bits(bytes, draw_level(random), random);
  cells.overwrite(sector, bytes);
}

void erase_but_few_bits(FlashCells& cells, std::uint32_t address, std::uint32_t size_bytes,
                        Random& random) {
  cells.erase(address, size_bytes);
  for (std::uint64_t left = 1 + random.below(8); left != 0; --left) {
    const std::array mask = {~bit_mask(random.below(8))};
    cells.clear_bits(address + static_cast<std::uint32_t>(random.below(size_bytes)), mask);
  }
}

void erase_some_sectors(FlashCells& cells, std::uint32_t address, std::uint32_t size_bytes,
                        Random& random) {
  const auto sectors = size_bytes / kSectorBytes;
  const auto done = static_cast<std::uint32_t>(random.below(sectors));
  if (done != 0) cells.erase(address, done * kSectorBytes);
  partly_erase(cells, address + done * kSectorBytes, random);
}

/// Early in the erase the old zeros begin to waver, late in it the last cells are not quite at 1.
/// Half of the cells are in the first page, where a file system looks first.
void leave_unstable(FlashCells& cells, std::uint32_t address, std::uint32_t size_bytes,
                    Random& random) {
  constexpr std::uint64_t kCellsMax = 64;
  const bool late = random.below(2) == 0;
  if (late) cells.erase(address, size_bytes);
  for (std::uint64_t left = 1 + random.below(kCellsMax); left != 0; --left) {
    const std::uint64_t range = random.below(2) == 0 ? kPageBytes : size_bytes;
    const auto at = address + static_cast<std::uint32_t>(random.below(range));
    cells.make_unstable(at, bit_mask(random.below(8)), random.next());
  }
}

}  // namespace

const char* to_text(ProgramTear tear) noexcept {
  switch (tear) {
    case ProgramTear::None:
      return "program not begun";
    case ProgramTear::All:
      return "program done";
    case ProgramTear::Prefix:
      return "program torn to a prefix";
    case ProgramTear::RandomSubset:
      return "program torn to random bits";
    case ProgramTear::BarelyStarted:
      return "program barely started";
    case ProgramTear::AlmostDone:
      return "program almost done";
  }
  return "unknown";
}

const char* to_text(EraseTear tear) noexcept {
  switch (tear) {
    case EraseTear::None:
      return "erase not begun";
    case EraseTear::All:
      return "erase done";
    case EraseTear::PreProgrammed:
      return "erase torn after pre-programming";
    case EraseTear::Partial:
      return "erase torn half-way";
    case EraseTear::AlmostDone:
      return "erase almost done";
    case EraseTear::SubSector:
      return "erase torn between sectors";
    case EraseTear::Unstable:
      return "erase that left unstable cells";
  }
  return "unknown";
}

void tear_program(FlashCells& cells, std::uint32_t address, Bytes data, ProgramTear tear,
                  Random& random) {
  Page old_page{};
  const auto old = std::span(old_page).first(data.size());
  cells.read(address, old);
  Page mask_page;
  mask_page.fill(std::byte{0xFF});
  const auto mask = std::span(mask_page).first(data.size());

  if (tear == ProgramTear::All) {
    std::copy(data.begin(), data.end(), mask.begin());
  } else if (tear == ProgramTear::Prefix) {
    std::copy_n(data.begin(), random.below(data.size()), mask.begin());
  } else if (tear == ProgramTear::RandomSubset) {
    std::copy(data.begin(), data.end(), mask.begin());
    set_random_bits(mask, draw_level(random), random);
  } else if (tear != ProgramTear::None) {
    const std::vector<std::size_t> bits = bits_to_clear(old, data);
    const bool almost = tear == ProgramTear::AlmostDone;
    if (almost) std::copy(data.begin(), data.end(), mask.begin());
    for (std::uint64_t left = bits.empty() ? 0 : 1 + random.below(8); left != 0; --left) {
      const std::size_t bit = bits[random.below(bits.size())];
      mask[bit / 8] = almost ? mask[bit / 8] | bit_mask(bit) : mask[bit / 8] & ~bit_mask(bit);
    }
  }
  cells.clear_bits(address, mask);
}

void tear_erase(FlashCells& cells, std::uint32_t address, std::uint32_t size_bytes, EraseTear tear,
                Random& random) {
  const std::uint32_t end = address + size_bytes;
  switch (tear) {
    case EraseTear::None:
      return;
    case EraseTear::All:
      return cells.erase(address, size_bytes);
    case EraseTear::PreProgrammed: {
      const Sector zeros{};
      for (auto at = address; at < end; at += kSectorBytes) cells.overwrite(at, zeros);
      return;
    }
    case EraseTear::Partial:
      for (auto at = address; at < end; at += kSectorBytes) partly_erase(cells, at, random);
      return;
    case EraseTear::AlmostDone:
      return erase_but_few_bits(cells, address, size_bytes, random);
    case EraseTear::SubSector:
      return erase_some_sectors(cells, address, size_bytes, random);
    case EraseTear::Unstable:
      return leave_unstable(cells, address, size_bytes, random);
  }
}

}  // namespace ota::sim
