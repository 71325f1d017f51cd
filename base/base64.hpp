#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace ota {

constexpr std::size_t base64_encoded_size(std::size_t bytes) noexcept {
  return (bytes + 2) / 3 * 4;
}
constexpr std::size_t base64_decoded_size_max(std::size_t characters) noexcept {
  return characters / 4 * 3;
}

/// Writes the padded standard alphabet (RFC 4648, section 4). `out` must hold
/// base64_encoded_size(bytes.size()).
void base64_encode(Bytes bytes, std::span<char> out) noexcept;

/// Reads padded base64; no white space. Returns the number of bytes written.
/// Errors: Corrupt (alphabet, padding or length), NoSpace (`out` is too small).
Result<std::size_t> base64_decode(std::string_view text, MutableBytes out) noexcept;

}  // namespace ota
