#include "base/crc32.hpp"

#include <array>

namespace ota {
namespace {

constexpr std::size_t kStepBytes = 4;

// kTables[k][b] is what byte b does to the sum when k bytes follow it in the same step ("slicing",
// Kounavis and Berry, 2005): four look-ups that do not wait for each other.
constexpr auto kTables = [] {
  std::array<std::array<std::uint32_t, 256>, kStepBytes> tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit)
      value = (value & 1U) != 0 ? (value >> 1U) ^ 0xEDB88320U : value >> 1U;
    tables[0][i] = value;
  }
  for (std::size_t k = 1; k < kStepBytes; ++k) {
    for (std::size_t i = 0; i < 256; ++i) {
      const std::uint32_t before = tables[k - 1][i];
      tables[k][i] = (before >> 8U) ^ tables[0][before & 0xFFU];
    }
  }
  return tables;
}();

}  // namespace

std::uint32_t crc32(Bytes bytes, std::uint32_t seed) noexcept {
  std::uint32_t crc = ~seed;
  while (bytes.size() >= kStepBytes) {
    crc ^= load_le32(bytes.data());
    crc = kTables[3][crc & 0xFFU] ^ kTables[2][(crc >> 8U) & 0xFFU] ^
          kTables[1][(crc >> 16U) & 0xFFU] ^ kTables[0][crc >> 24U];
    bytes = bytes.subspan(kStepBytes);
  }
  for (const std::byte byte : bytes) {
    crc = (crc >> 8U) ^ kTables[0][(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xFFU];
  }
  return ~crc;
}

}  // namespace ota
