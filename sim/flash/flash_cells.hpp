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

namespace ota::sim {

/// What a flash keeps without power: 16 MiB of cells, and its life so far.
///
/// In memory, copies share blocks of 64 KiB until one of them writes, so that a power-cut campaign
/// can keep thousands of worlds. In a file, the bytes are mapped MAP_SHARED: a killed process
/// leaves the flash exactly as it was, and the file is a plain image that other tools can read.
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

  /// Pure AND, as the cells do it.
  void clear_bits(std::uint32_t address, Bytes mask);

  /// Stores bytes as they are, for torn operations and for faults.
  void overwrite(std::uint32_t address, Bytes bytes);

  /// Sets whole sectors of 4 KiB to FFh.
  void erase(std::uint32_t address, std::uint32_t size_bytes);

  /// A bit that changes by itself.
  void flip_bit(std::uint32_t address, unsigned bit);

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
};

}  // namespace ota::sim
