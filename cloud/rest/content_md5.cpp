#include "cloud/rest/content_md5.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "base/assert.hpp"
#include "base/encoding.hpp"

namespace ota::rest {
namespace {

class Md5 {
 public:
  Md5() : context_(EVP_MD_CTX_new()) { start(); }
  Md5(const Md5&) = delete;
  Md5& operator=(const Md5&) = delete;
  ~Md5() { EVP_MD_CTX_free(context_); }

  void update(Bytes bytes) { OTA_ASSERT(EVP_DigestUpdate(context_, bytes.data(), bytes.size())); }

  /// The digest of what was fed; starts again.
  std::string take() {
    std::array<std::byte, 16> digest{};
    OTA_ASSERT(
        EVP_DigestFinal_ex(context_, reinterpret_cast<unsigned char*>(digest.data()), nullptr));
    start();
    return to_base64(digest);
  }

 private:
  void start() { OTA_ASSERT(EVP_DigestInit_ex(context_, EVP_md5(), nullptr)); }
  EVP_MD_CTX* context_;
};

}  // namespace

struct ContentMd5Builder::State {
  Md5 whole;
  Md5 block;
  std::uint64_t block_filled = 0;
  std::vector<std::string> blocks;
};

ContentMd5Builder::ContentMd5Builder() : state_(std::make_unique<State>()) {}
ContentMd5Builder::ContentMd5Builder(ContentMd5Builder&&) noexcept = default;
ContentMd5Builder& ContentMd5Builder::operator=(ContentMd5Builder&&) noexcept = default;
ContentMd5Builder::~ContentMd5Builder() = default;

void ContentMd5Builder::update(Bytes bytes) {
  state_->whole.update(bytes);
  while (!bytes.empty()) {
    const auto room = static_cast<std::size_t>(kBlockBytes - state_->block_filled);
    const Bytes part = bytes.first(std::min(room, bytes.size()));
    state_->block.update(part);
    state_->block_filled += part.size();
    bytes = bytes.subspan(part.size());
    if (state_->block_filled == kBlockBytes) {
      state_->blocks.push_back(state_->block.take());
      state_->block_filled = 0;
    }
  }
}

ContentMd5 ContentMd5Builder::finish() {
  if (state_->block_filled > 0) state_->blocks.push_back(state_->block.take());
  return {.whole = state_->whole.take(), .blocks = std::move(state_->blocks)};
}

}  // namespace ota::rest
