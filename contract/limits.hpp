#pragma once

// Limits that device and cloud agree on. Sizes in bytes.

#include <cstddef>
#include <cstdint>

namespace ota::contract {

inline constexpr std::uint32_t kVersionMax =
    0x7FFFFFFF;  // versions are 1 .. 2^31-1; 0 is the factory image
inline constexpr std::size_t kUrlBytesMax = 1024;
inline constexpr std::size_t kSasBytesMax = 1024;
inline constexpr std::size_t kProductBytesMax = 64;
inline constexpr std::size_t kMcuVersionBytesMax = 48;
inline constexpr std::size_t kDetailBytesMax = 160;

/// One Azure twin section (desired or reported) holds 32 KiB; nothing larger is parsed.
inline constexpr std::size_t kTwinSectionBytesMax = 32 * 1024;

/// The largest firmware image: a W25Q128-class flash of 16 MiB less eight blocks of 64 KiB for
/// metadata and the journal.
inline constexpr std::uint32_t kImageBytesMax = 16U * 1024U * 1024U - 8U * 64U * 1024U;

}  // namespace ota::contract
