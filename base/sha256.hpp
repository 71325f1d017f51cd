#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.hpp"

namespace ota {

using Digest = std::array<std::byte, 32>;

/// SHA-256 (FIPS 180-4), fed in pieces. Own code because the device's core has neither heap nor a
/// crypto library.
class Sha256 {
 public:
  Sha256() noexcept;
  void update(Bytes bytes) noexcept;

  /// Ends the message; the object must not be fed again.
  Digest finish() noexcept;

 private:
  std::array<std::uint32_t, 8> state_;
  std::array<std::byte, 64> pending_{};
  std::uint64_t size_bytes_ = 0;
};

Digest sha256(Bytes bytes) noexcept;

/// HMAC-SHA-256 (RFC 2104).
Digest hmac_sha256(Bytes key, Bytes message) noexcept;

/// Compares in a time that does not depend on where the first difference is.
bool equal_in_constant_time(Bytes a, Bytes b) noexcept;

}  // namespace ota
