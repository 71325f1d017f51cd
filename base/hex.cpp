#include "base/hex.hpp"

namespace ota {
namespace {

constexpr int digit_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

void hex_encode(Bytes bytes, std::span<char> out) noexcept {
  constexpr std::string_view digits = "0123456789abcdef";
  OTA_ASSERT(out.size() >= 2 * bytes.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto value = std::to_integer<unsigned>(bytes[i]);
    out[2 * i] = digits[value >> 4U];
    out[2 * i + 1] = digits[value & 0xFU];
  }
}

Status hex_decode(std::string_view text, MutableBytes out) noexcept {
  if (text.size() != 2 * out.size()) return Errc::OutOfRange;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = digit_value(text[2 * i]);
    const int low = digit_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return Errc::Corrupt;
    out[i] = static_cast<std::byte>(high * 16 + low);
  }
  return Ok{};
}

}  // namespace ota
