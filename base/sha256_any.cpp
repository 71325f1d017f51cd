// For machines without a hash engine that this program knows.

#include "base/sha256_compress.hpp"

namespace ota {

void sha256_compress(Sha256State& state, Bytes blocks) noexcept {
  sha256_compress_portable(state, blocks);
}

}  // namespace ota
