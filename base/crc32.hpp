#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace ota {

/// CRC-32 of IEEE 802.3 (reflected polynomial EDB88320h, initial value and final XOR FFFFFFFFh).
/// Pass an earlier result as `seed` to go on where it ended.
std::uint32_t crc32(Bytes bytes, std::uint32_t seed = 0) noexcept;

}  // namespace ota
