#pragma once

#include <algorithm>
#include <cstdint>

#include "device/core/mcu/programmer.hpp"

namespace ota::sim {

/// An image that lies in memory. It does not own the bytes.
class MemoryImage final : public mcu::ImageSource {
 public:
  explicit MemoryImage(Bytes bytes) noexcept : bytes_(bytes) {}
  Result<std::size_t> read(std::uint32_t offset, MutableBytes out) noexcept override {
    const std::size_t count = std::min<std::size_t>(out.size(), bytes_.size() - offset);
    std::copy_n(bytes_.begin() + offset, count, out.begin());
    return count;
  }

 private:
  Bytes bytes_;
};

}  // namespace ota::sim
