#include "base/sha256.hpp"

#include <algorithm>

#include "base/sha256_compress.hpp"

namespace ota {

Sha256::Sha256() noexcept
    : state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
             0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19} {}

void Sha256::update(Bytes bytes) noexcept {
  std::size_t filled = size_bytes_ % 64;
  size_bytes_ += bytes.size();
  if (filled != 0) {
    const std::size_t count = std::min(bytes.size(), 64 - filled);
    std::copy_n(bytes.data(), count, pending_.data() + filled);
    bytes = bytes.subspan(count);
    if (filled + count < 64) return;
    sha256_compress(state_, pending_);
  }
  sha256_compress(state_, bytes.first(bytes.size() / 64 * 64));
  bytes = bytes.last(bytes.size() % 64);
  std::copy_n(bytes.data(), bytes.size(), pending_.data());
}

Digest Sha256::finish() noexcept {
  const std::uint64_t size_bits = size_bytes_ * 8;
  std::array<std::byte, 72> padding{};
  padding[0] = std::byte{0x80};
  const std::size_t used = size_bytes_ % 64;
  const std::size_t zeros_end = used < 56 ? 56 - used : 120 - used;
  store_be32(padding.data() + zeros_end, static_cast<std::uint32_t>(size_bits >> 32U));
  store_be32(padding.data() + zeros_end + 4, static_cast<std::uint32_t>(size_bits));
  update(Bytes(padding.data(), zeros_end + 8));
  Digest digest{};
  for (std::size_t i = 0; i < 8; ++i) store_be32(digest.data() + 4 * i, state_[i]);
  return digest;
}

Digest sha256(Bytes bytes) noexcept {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish();
}

Digest hmac_sha256(Bytes key, Bytes message) noexcept {
  std::array<std::byte, 64> block{};
  if (key.size() > block.size()) {
    const Digest shortened = sha256(key);
    std::copy(shortened.begin(), shortened.end(), block.begin());
  } else {
    std::copy(key.begin(), key.end(), block.begin());
  }
  const auto keyed = [&block](std::byte mask) {
    std::array<std::byte, 64> padded{};
    for (std::size_t i = 0; i < block.size(); ++i) padded[i] = block[i] ^ mask;
    Sha256 hash;
    hash.update(padded);
    return hash;
  };
  Sha256 inner = keyed(std::byte{0x36});
  inner.update(message);
  const Digest inner_digest = inner.finish();
  Sha256 outer = keyed(std::byte{0x5c});
  outer.update(inner_digest);
  return outer.finish();
}

bool equal_in_constant_time(Bytes a, Bytes b) noexcept {
  if (a.size() != b.size()) return false;
  std::byte difference{0};
  for (std::size_t i = 0; i < a.size(); ++i) difference |= a[i] ^ b[i];
  return difference == std::byte{0};
}

}  // namespace ota
