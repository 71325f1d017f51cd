#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "base/random.hpp"

namespace ota::sim {

/// Cells that an interrupted erase left between 0 and 1: each read returns one or the other, until
/// the cell is programmed to 0 or an erase of it is completed. What they return comes from a seed,
/// so a copy of the part reads the same.
class UnstableCells {
 public:
  bool empty() const noexcept { return bytes_.empty(); }

  /// Whether a range holds any.
  bool any(std::uint32_t address, std::size_t size) const noexcept {
    return first(address) != first(address + size);
  }

  void add(std::uint32_t address, std::byte bits, std::uint64_t seed) {
    random_ = SplitMix64(seed);
    const auto at = bytes_.begin() + (first(address) - bytes_.begin());
    if (at != bytes_.end() && at->address == address) {
      at->bits |= bits;
    } else {
      bytes_.insert(at, {address, bits});
    }
  }

  /// An erase that was completed.
  void erase(std::uint32_t address, std::size_t size) {
    bytes_.erase(first(address), first(address + size));
  }

  /// Cells that are 0 in `stored` are 0 from now on.
  void settle_zeros(std::uint32_t address, Bytes stored) {
    const auto end = first(address + stored.size());
    for (auto at = first(address); at != end; ++at) {
      bytes_[static_cast<std::size_t>(at - bytes_.begin())].bits &= stored[at->address - address];
    }
    std::erase_if(bytes_, [](const Byte& byte) { return byte.bits == std::byte{0}; });
  }

  /// Makes these cells read anything in `out`, which was read from `address`.
  void disturb(std::uint32_t address, MutableBytes out) const noexcept {
    const auto end = first(address + out.size());
    for (auto at = first(address); at != end; ++at) {
      std::byte& read = out[at->address - address];
      read = (read & ~at->bits) | (static_cast<std::byte>(random_.next()) & at->bits);
    }
  }

 private:
  struct Byte {
    std::uint32_t address = 0;
    std::byte bits{};
  };

  std::vector<Byte>::const_iterator first(std::size_t address) const noexcept {
    return std::lower_bound(bytes_.begin(), bytes_.end(), address,
                            [](const Byte& byte, std::size_t at) { return byte.address < at; });
  }

  std::vector<Byte> bytes_;  // by address; a torn erase adds some dozens
  mutable SplitMix64 random_{0};
};

}  // namespace ota::sim
