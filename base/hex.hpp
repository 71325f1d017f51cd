#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace ota {

/// Writes two lower-case digits per byte. `out` must hold 2 * bytes.size() characters.
void hex_encode(Bytes bytes, std::span<char> out) noexcept;

/// Reads exactly out.size() bytes from digits of either case. Errors: OutOfRange (length), Corrupt
/// (not a digit).
Status hex_decode(std::string_view text, MutableBytes out) noexcept;

}  // namespace ota
