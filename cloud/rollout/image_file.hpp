#pragma once

#include <cstdint>
#include <string>

#include "base/sha256.hpp"
#include "cloud/rest/content_md5.hpp"
#include "cloud/rollout/failure.hpp"

namespace ota::rollout {

/// A firmware file that was read once from end to end.
struct ImageFile {
  std::string path = {};
  std::string base_name = {};
  std::uint64_t size_bytes = 0;
  Digest sha256{};
  rest::ContentMd5 md5 = {};
};

/// Reads and hashes the file.
/// @errors Input: missing, not a file, empty, larger than a device can store, unreadable.
Outcome<ImageFile> open_image(const std::string& path);

}  // namespace ota::rollout
