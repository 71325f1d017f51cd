#pragma once

// The attribute of an image file. Byte offsets: docs/formats/flash.md.

#include <array>
#include <cstddef>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "device/core/store/file.hpp"
#include "device/core/store/store.hpp"

namespace ota::store {

using ImageAttribute = std::array<std::byte, kAttributeBytes>;

ImageAttribute encode_attribute(const ImageIdentity& identity) noexcept;

/// @errors Corrupt: length, format, CRC or a text length
Result<ImageIdentity> decode_attribute(Bytes attribute) noexcept;

}  // namespace ota::store
