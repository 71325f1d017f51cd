#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "sim/flash/flash_file.hpp"
#include "sim/flash/flash_stats.hpp"
#include "sim/flash/unstable_cells.hpp"

namespace ota::sim {

/// What a flash keeps without power: 16 MiB of cells, and its life so far.
///
/// In memory, copies share blocks of 64 KiB until one of them writes, so that a power-cut campaign
/// can keep thousands of worlds. In a file, the bytes are mapped MAP_SHARED: a killed process
/// leaves the flash exactly as it was, and the file is a plain image that other tools can read.
/// Only which cells are unstable is not kept in the file: a new process finds them at 1 or 0 for
/// good.
class FlashCells {
 public:
  /// A part as shipped, in memory.
  FlashCells();
  ~FlashCells();
  FlashCells(FlashCells&&) noexcept;
  FlashCells& operator=(FlashCells&&) noexcept;

  /// A copy in memory, whatever the original is kept in.
  FlashCells(const FlashCells& other);
  FlashCells& operator=(const FlashCells& other);

  /// Opens a 16 MiB image file, or creates one of a part as shipped. Its life is kept in
  /// `path`.stats.
  ///
  /// @errors A sentence for the user: not a file of 16 MiB, used by another process, or refused by
  /// the system.
  static Result<FlashCells, std::string> open(const std::string& path);

  void read(std::uint32_t address, MutableBytes out) const;

  /// Pure AND, as the cells do it. Cells that are cleared are stable again.
  void clear_bits(std::uint32_t address, Bytes mask);

  /// Stores bytes as they are, for torn operations and for faults. An unstable cell stays so unless
  /// it is stored as 0.
  void overwrite(std::uint32_t address, Bytes bytes);

  /// Sets whole sectors of 4 KiB to FFh.
  void erase(std::uint32_t address, std::uint32_t size_bytes);

  /// A bit that changes by itself.
  void flip_bit(std::uint32_t address, unsigned bit);

  /// Makes cells read differently from one read to the next; `seed` decides what they read.
  void make_unstable(std::uint32_t address, std::byte bits, std::uint64_t seed) {
    unstable_.add(address, bits, seed);
  }
  bool any_unstable(std::uint32_t address, std::size_t size) const noexcept {
    return unstable_.any(address, size);
  }

  FlashStats& stats() noexcept { return *stats_; }
  const FlashStats& stats() const noexcept { return *stats_; }

 private:
  struct Block {
    std::array<std::byte, kBlockBytes> bytes;
  };

  std::byte* writable(std::uint32_t block);
  const std::byte* readable(std::uint32_t block) const noexcept;

  std::vector<std::shared_ptr<Block>> blocks_;  // null: blank; unused when mapped
  std::unique_ptr<FlashStats> own_stats_;
  std::unique_ptr<FlashFile> file_;
  FlashStats* stats_;
  UnstableCells unstable_;
};

}  // namespace ota::sim
