#pragma once

#include <array>
#include <cstdint>

namespace ota::store {

/// A set of blocks by number. It has room for 16 MiB of 64 KiB blocks, the most that the driver
/// addresses; further ones are never members.
class BlockSet {
 public:
  constexpr bool contains(std::uint32_t block) const noexcept {
    return block < kBlocksMax && (words_[block / 32] >> (block % 32) & 1U) != 0;
  }
  constexpr void insert(std::uint32_t block) noexcept {
    if (block < kBlocksMax) words_[block / 32] |= 1U << (block % 32);
  }
  constexpr void remove(std::uint32_t block) noexcept {
    if (block < kBlocksMax) words_[block / 32] &= ~(1U << (block % 32));
  }

  static constexpr std::uint32_t kBlocksMax = 256;

 private:
  std::array<std::uint32_t, kBlocksMax / 32> words_{};
};

}  // namespace ota::store
