#pragma once

// Which bytes a Get Blob asks for. Source: "Specify the range header for Blob service operations".

#include <cstdint>
#include <optional>
#include <string_view>

#include "cloud/hub/blob/blob_error.hpp"

namespace ota::hub {

struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t size() const { return last - first + 1; }
};

/// Nothing: the whole blob, also for headers that cannot be read (several ranges, suffixes,
/// backward ones), as RFC 9110 allows. Error 416: begins at or after the end.
BlobResult<std::optional<ByteRange>> parse_range(std::string_view header, std::uint64_t blob_bytes);

}  // namespace ota::hub
