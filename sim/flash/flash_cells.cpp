#include "sim/flash/flash_cells.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"

namespace ota::sim {
namespace {

/// Calls visit(block, offset in it, index in the range, length) for each block that a range
/// touches.
template <class Visit>
void for_each_block(std::uint32_t address, std::size_t size, Visit visit) {
  OTA_ASSERT(address <= kFlashBytes && size <= kFlashBytes - address);
  for (std::size_t done = 0; done < size;) {
    const std::uint32_t at = address + static_cast<std::uint32_t>(done);
    const std::uint32_t offset = at % kBlockBytes;
    const std::size_t length = std::min<std::size_t>(size - done, kBlockBytes - offset);
    visit(at / kBlockBytes, offset, done, length);
    done += length;
  }
}

}  // namespace

FlashCells::FlashCells()
    : blocks_(kBlockCount), own_stats_(std::make_unique<FlashStats>()), stats_(own_stats_.get()) {}

FlashCells::~FlashCells() = default;
FlashCells::FlashCells(FlashCells&&) noexcept = default;
FlashCells& FlashCells::operator=(FlashCells&&) noexcept = default;

FlashCells::FlashCells(const FlashCells& other)
    : blocks_(other.blocks_),
      own_stats_(std::make_unique<FlashStats>(*other.stats_)),
      stats_(own_stats_.get()),
      unstable_(other.unstable_) {
  if (other.file_ == nullptr) return;
  blocks_.resize(kBlockCount);
  for (std::uint32_t block = 0; block < kBlockCount; ++block) {
    std::copy_n(other.readable(block), kBlockBytes, writable(block));
  }
}

FlashCells& FlashCells::operator=(const FlashCells& other) {
  if (this != &other) *this = FlashCells(other);
  return *this;
}

Result<FlashCells, std::string> FlashCells::open(const std::string& path) {
  auto file = FlashFile::open(path);
  if (!file) return file.error();
  FlashCells cells;
  cells.blocks_.clear();
  cells.own_stats_.reset();
  cells.file_ = std::move(file).value();
  cells.stats_ = &cells.file_->stats();
  return cells;
}

const std::byte* FlashCells::readable(std::uint32_t block) const noexcept {
  if (file_ != nullptr) return file_->cells() + std::size_t{block} * kBlockBytes;
  return blocks_[block] == nullptr ? nullptr : blocks_[block]->bytes.data();
}

std::byte* FlashCells::writable(std::uint32_t block) {
  if (file_ != nullptr) return file_->cells() + std::size_t{block} * kBlockBytes;
  auto& own = blocks_[block];
  if (own == nullptr) {
    own = std::make_shared_for_overwrite<Block>();
    own->bytes.fill(std::byte{0xFF});
  } else if (own.use_count() > 1) {
    own = std::make_shared<Block>(*own);
  }
  return own->bytes.data();
}

void FlashCells::read(std::uint32_t address, MutableBytes out) const {
  for_each_block(address, out.size(), [&](auto block, auto offset, auto index, auto length) {
    const std::byte* const from = readable(block);
    if (from == nullptr) {
      std::fill_n(out.data() + index, length, std::byte{0xFF});
    } else {
      std::copy_n(from + offset, length, out.data() + index);
    }
  });
  if (!unstable_.empty()) unstable_.disturb(address, out);
}

void FlashCells::clear_bits(std::uint32_t address, Bytes mask) {
  for_each_block(address, mask.size(), [&](auto block, auto offset, auto index, auto length) {
    std::byte* const to = writable(block) + offset;
    const std::byte* const from = mask.data() + index;
    for (std::size_t i = 0; i < length; ++i) to[i] &= from[i];
  });
  if (!unstable_.empty()) unstable_.settle_zeros(address, mask);
}

void FlashCells::overwrite(std::uint32_t address, Bytes bytes) {
  for_each_block(address, bytes.size(), [&](auto block, auto offset, auto index, auto length) {
    std::copy_n(bytes.data() + index, length, writable(block) + offset);
  });
  if (!unstable_.empty()) unstable_.settle_zeros(address, bytes);
}

void FlashCells::erase(std::uint32_t address, std::uint32_t size_bytes) {
  OTA_ASSERT(address % kSectorBytes == 0 && size_bytes % kSectorBytes == 0);
  for_each_block(address, size_bytes, [&](auto block, auto offset, auto, auto length) {
    const bool whole = length == kBlockBytes;
    if (file_ == nullptr && (whole || blocks_[block] == nullptr)) {
      blocks_[block].reset();
    } else {
      std::fill_n(writable(block) + offset, length, std::byte{0xFF});
    }
  });
  if (!unstable_.empty()) unstable_.erase(address, size_bytes);
}

void FlashCells::flip_bit(std::uint32_t address, unsigned bit) {
  std::array<std::byte, 1> cell{};
  read(address, cell);
  cell[0] ^= static_cast<std::byte>(1U << (bit % 8));
  overwrite(address, cell);
}

}  // namespace ota::sim
