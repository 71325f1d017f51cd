#include "sim/world/release.hpp"

#include "base/random.hpp"

namespace ota::sim {

Release make_release(std::uint32_t version, std::size_t size_bytes, std::uint64_t seed) {
  SplitMix64 random(seed);
  auto image = std::make_shared<std::vector<std::byte>>(size_bytes);
  for (std::byte& byte : *image) byte = static_cast<std::byte>(random.next() >> 56U);
  return {.version = version, .image = image, .sha256 = sha256(*image)};
}

}  // namespace ota::sim
