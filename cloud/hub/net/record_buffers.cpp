#include "cloud/hub/net/record_buffers.hpp"

#include <malloc.h>
#include <openssl/crypto.h>

#include <array>
#include <cstddef>
#include <cstdlib>

namespace ota::hub {
namespace {

// A record has at most 16 KiB; its header, tag and alignment add a few hundred bytes.
constexpr std::size_t kSmallestBytes = 16 * 1024;
constexpr std::size_t kBlockBytes = 18 * 1024;
constexpr std::size_t kKeptMax = 8;

thread_local bool thread_ends = false;  // OpenSSL frees more after the blocks have gone

struct Kept {
  std::array<void*, kKeptMax> blocks{};
  std::size_t count = 0;
  Kept() = default;
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;
  ~Kept() {
    while (count > 0) std::free(blocks.at(--count));
    thread_ends = true;
  }
};
thread_local Kept kept;

/// Each block of malloc that is as large can serve as one.
bool is_block(void* memory) {
  constexpr std::size_t kRounding = 64;
  const std::size_t bytes = ::malloc_usable_size(memory);
  return bytes >= kBlockBytes && bytes < kBlockBytes + kRounding;
}

void* take(std::size_t bytes, const char*, int) {
  if (bytes == 0) return nullptr;
  if (bytes < kSmallestBytes || bytes > kBlockBytes) return std::malloc(bytes);
  if (!thread_ends && kept.count > 0) return kept.blocks.at(--kept.count);
  return std::malloc(kBlockBytes);
}

void give_back(void* memory, const char*, int) {
  if (!thread_ends && is_block(memory) && kept.count < kKeptMax) {
    kept.blocks.at(kept.count++) = memory;
    return;
  }
  std::free(memory);
}

void* resize(void* memory, std::size_t bytes, const char* file, int line) {
  if (memory == nullptr) return take(bytes, file, line);
  if (bytes > 0) return std::realloc(memory, bytes);
  give_back(memory, file, line);
  return nullptr;
}

}  // namespace

void keep_record_buffers() { CRYPTO_set_mem_functions(take, resize, give_back); }

}  // namespace ota::hub
