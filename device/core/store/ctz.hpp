#pragma once

// Where the blocks of a littlefs file begin. A file is a backwards skip list ("CTZ list"): block i
// >= 1 starts with ctz(i) + 1 pointers of four bytes, so boundaries are no multiples of the block
// size.
// @source littlefs 2.11.2, DESIGN.md, "CTZ skip-lists"

#include <bit>
#include <cstdint>

namespace ota::store {

/// File offset of the first data byte of block `index`, for blocks of `block_bytes`.
constexpr std::uint64_t ctz_block_start(std::uint32_t index, std::uint32_t block_bytes) noexcept {
  if (index == 0) return 0;
  const std::uint64_t before = index - 1;
  return std::uint64_t{index} * block_bytes - 8 * before +
         4 * static_cast<std::uint64_t>(std::popcount(before));
}

/// How many blocks a file of `size_bytes` takes.
constexpr std::uint32_t ctz_blocks(std::uint32_t size_bytes, std::uint32_t block_bytes) noexcept {
  // Each block gives less than block_bytes, so this begins at or below the answer and moves a few
  // steps at most.
  std::uint32_t blocks = size_bytes / block_bytes;
  while (ctz_block_start(blocks, block_bytes) < size_bytes) ++blocks;
  return blocks;
}

/// The first block boundary behind `offset`: a sync exactly there lets the next write begin a fresh
/// block; anywhere else it would copy the part of the block that is already written.
constexpr std::uint64_t ctz_next_boundary(std::uint32_t offset,
                                          std::uint32_t block_bytes) noexcept {
  std::uint32_t index = offset / block_bytes;
  while (ctz_block_start(index, block_bytes) <= offset) ++index;
  return ctz_block_start(index, block_bytes);
}

}  // namespace ota::store
