#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.hpp"
#include "base/sha256.hpp"

namespace ota::sim {

/// A version of the firmware.
struct Release {
  std::uint32_t version = 0;
  std::shared_ptr<const std::vector<std::byte>> image;
  Digest sha256{};
  bool lies = false;  // the image does not have this hash
};

/// @param seed  decides the bytes
Release make_release(std::uint32_t version, std::size_t size_bytes, std::uint64_t seed);

}  // namespace ota::sim
