#include "cloud/hub/blob/crc64.hpp"

#include <array>
#include <bit>
#include <cstring>

#include "base/encoding.hpp"

namespace ota::hub {
namespace {

constexpr std::uint64_t kPolynomial = 0x9A6C9329AC4BC9B5;  // reflected
constexpr std::size_t kStep_bytes = 8;

using Tables = std::array<std::array<std::uint64_t, 256>, kStep_bytes>;

/// Table k: what a byte becomes with k further bytes behind it.
constexpr Tables make_tables() {
  Tables tables{};
  for (std::size_t byte = 0; byte < 256; ++byte) {
    std::uint64_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? (crc >> 1) ^ kPolynomial : crc >> 1;
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < kStep_bytes; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint64_t before = tables[k - 1][byte];
      tables[k][byte] = (before >> 8) ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

static_assert(std::endian::native == std::endian::little, "the steps read eight bytes at once");

}  // namespace

void Crc64::update(Bytes bytes) {
  std::uint64_t crc = state_;
  while (bytes.size() >= kStep_bytes) {
    std::uint64_t word = 0;  // not load_le64(), which costs a tenth and more of the speed here
    std::memcpy(&word, bytes.data(), kStep_bytes);
    crc ^= word;
    crc = kTables[7][crc & 0xFF] ^ kTables[6][(crc >> 8) & 0xFF] ^ kTables[5][(crc >> 16) & 0xFF] ^
          kTables[4][(crc >> 24) & 0xFF] ^ kTables[3][(crc >> 32) & 0xFF] ^
          kTables[2][(crc >> 40) & 0xFF] ^ kTables[1][(crc >> 48) & 0xFF] ^ kTables[0][crc >> 56];
    bytes = bytes.subspan(kStep_bytes);
  }
  for (const std::byte byte : bytes)
    crc = (crc >> 8) ^ kTables[0][(crc ^ static_cast<std::uint64_t>(byte)) & 0xFF];
  state_ = crc;
}

std::string Crc64::text() const {
  std::array<std::byte, sizeof(std::uint64_t)> bytes{};
  store_le64(bytes.data(), value());
  return to_base64(bytes);
}

}  // namespace ota::hub
