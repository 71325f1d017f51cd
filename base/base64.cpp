#include "base/base64.hpp"

#include <array>

namespace ota {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr auto kValues = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<std::uint8_t>(kAlphabet[i])] = static_cast<std::int8_t>(i);
  }
  return values;
}();

}  // namespace

void base64_encode(Bytes bytes, std::span<char> out) noexcept {
  OTA_ASSERT(out.size() >= base64_encoded_size(bytes.size()));
  std::size_t at = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = bytes.size() - i < 3 ? bytes.size() - i : 3;
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8U | (k < count ? std::to_integer<std::uint32_t>(bytes[i + k]) : 0U);
    }
    out[at++] = kAlphabet[group >> 18U];
    out[at++] = kAlphabet[(group >> 12U) & 63U];
    out[at++] = count > 1 ? kAlphabet[(group >> 6U) & 63U] : '=';
    out[at++] = count > 2 ? kAlphabet[group & 63U] : '=';
  }
}

Result<std::size_t> base64_decode(std::string_view text, MutableBytes out) noexcept {
  if (text.size() % 4 != 0) return Errc::Corrupt;
  std::size_t at = 0;
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    std::size_t padding = 0;
    if (last && text[i + 3] == '=') padding = text[i + 2] == '=' ? 2 : 1;
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const int value = k >= 4 - padding ? 0 : kValues[static_cast<std::uint8_t>(text[i + k])];
      if (value < 0) return Errc::Corrupt;
      group = group << 6U | static_cast<std::uint32_t>(value);
    }
    for (std::size_t k = 0; k < 3 - padding; ++k) {
      if (at == out.size()) return Errc::NoSpace;
      out[at++] = static_cast<std::byte>((group >> (16 - 8 * k)) & 0xFFU);
    }
  }
  return at;
}

}  // namespace ota
