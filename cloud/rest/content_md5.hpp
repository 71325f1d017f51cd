#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.hpp"

namespace ota::rest {

/// Blobs above this size are sent in blocks of it.
inline constexpr std::uint64_t kBlockBytes = 4ULL * 1024 * 1024;

/// MD5 of a content and of each of its blocks, base64. The Blob service checks what arrives against
/// them, so a file that changes between hashing and sending is refused.
struct ContentMd5 {
  std::string whole = {};
  std::vector<std::string> blocks = {};
};

/// Computes a ContentMd5 in one pass.
class ContentMd5Builder {
 public:
  ContentMd5Builder();
  ContentMd5Builder(ContentMd5Builder&&) noexcept;
  ContentMd5Builder& operator=(ContentMd5Builder&&) noexcept;
  ~ContentMd5Builder();

  void update(Bytes bytes);

  /// Ends the content; the object must not be fed again.
  ContentMd5 finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ota::rest
