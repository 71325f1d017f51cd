#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "device/core/flash/nor_flash.hpp"

namespace ota::fuzz {

/// A small NOR flash without bus and time. It ends the program when it was used more than any
/// sensible caller would: an endless loop is a finding too.
class MemoryFlash final : public flash::NorFlash {
 public:
  static constexpr std::uint32_t kBlockBytes = 65536;
  static constexpr std::uint32_t kSizeBytes = 16 * kBlockBytes;
  static constexpr std::uint32_t kEraseBytes = 4096;
  // Several times what the largest case of the corpus needs.
  static constexpr std::uint64_t kBytesMovedMax = 256ULL * 1024 * 1024;

  MemoryFlash() : cells_(kSizeBytes, std::byte{0xFF}) {}

  flash::Geometry geometry() const noexcept override {
    return {.size_bytes = kSizeBytes,
            .page_bytes = 256,
            .erase_bytes = {kEraseBytes, kBlockBytes, 0, 0}};
  }

  MutableBytes block(std::uint32_t number) {
    return MutableBytes(cells_).subspan(std::size_t{number} * kBlockBytes, kBlockBytes);
  }

 private:
  Status do_start() noexcept override { return Ok{}; }

  Status do_read(std::uint32_t address, MutableBytes out) noexcept override {
    count(out.size());
    std::copy_n(cells_.begin() + address, out.size(), out.begin());
    return Ok{};
  }

  Status do_program(std::uint32_t address, Bytes data) noexcept override {
    count(data.size());
    for (std::size_t i = 0; i < data.size(); ++i) cells_[address + i] &= data[i];
    return Ok{};
  }

  Status do_erase_unit(std::uint32_t address, std::uint32_t unit_bytes) noexcept override {
    count(unit_bytes);
    std::fill_n(cells_.begin() + address, unit_bytes, std::byte{0xFF});
    return Ok{};
  }

  void count(std::size_t bytes) noexcept {
    bytes_moved_ += bytes;
    if (bytes_moved_ > kBytesMovedMax) std::abort();
  }

  std::vector<std::byte> cells_;
  std::uint64_t bytes_moved_ = 0;
};

}  // namespace ota::fuzz
