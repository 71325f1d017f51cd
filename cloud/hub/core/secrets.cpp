#include "cloud/hub/core/secrets.hpp"

#include <sys/random.h>

#include <array>
#include <span>

#include "base/encoding.hpp"

namespace ota::hub {

namespace {

void fill_random(std::span<std::byte> bytes) {
  // Requests of up to 256 bytes are never cut short once the generator is seeded (getrandom(2)).
  OTA_ASSERT(bytes.size() <= 256);
  OTA_ASSERT(getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
}

}  // namespace

std::string random_key() {
  std::array<std::byte, 32> bytes{};
  fill_random(bytes);
  return to_base64(bytes);
}

std::string random_hex(std::size_t digits) {
  std::array<std::byte, 64> bytes{};
  OTA_ASSERT(digits <= 2 * bytes.size());
  fill_random(bytes);
  return to_hex(bytes).substr(0, digits);
}

std::string random_guid() {
  const std::string hex = random_hex(32);
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-4" + hex.substr(13, 3) + "-a" +
         hex.substr(17, 3) + "-" + hex.substr(20, 12);
}

std::string random_etag() {
  std::array<std::byte, 4> bytes{};
  fill_random(bytes);
  std::uint64_t number = 0;
  for (const std::byte byte : bytes) number = (number << 8U) | std::to_integer<std::uint64_t>(byte);
  return to_base64(bytes_of(std::to_string(number)));
}

}  // namespace ota::hub
