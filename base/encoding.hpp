#pragma once

// std::string forms of hex and base64, for hosted code only: the device's core has no heap.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/base64.hpp"
#include "base/hex.hpp"
#include "base/sha256.hpp"

namespace ota {

inline std::string to_hex(Bytes bytes) {
  std::string text(2 * bytes.size(), '\0');
  hex_encode(bytes, text);
  return text;
}

inline std::string to_base64(Bytes bytes) {
  std::string text(base64_encoded_size(bytes.size()), '\0');
  base64_encode(bytes, text);
  return text;
}

/// Nothing if `text` is not padded base64.
inline std::optional<std::vector<std::byte>> from_base64(std::string_view text) {
  std::vector<std::byte> bytes(base64_decoded_size_max(text.size()));
  const auto size = base64_decode(text, bytes);
  if (!size) return std::nullopt;
  bytes.resize(size.value());
  return bytes;
}

/// Nothing if `text` is not exactly 64 hex digits.
inline std::optional<Digest> digest_from_hex(std::string_view text) {
  Digest digest{};
  if (!hex_decode(text, digest)) return std::nullopt;
  return digest;
}

}  // namespace ota
