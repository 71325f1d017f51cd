#include "cloud/hub/blob/md5.hpp"

#include <openssl/evp.h>

#include <array>

#include "base/encoding.hpp"

namespace ota::hub {

void Md5::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Md5::Md5() : context_(EVP_MD_CTX_new()) { EVP_DigestInit_ex(context_.get(), EVP_md5(), nullptr); }

void Md5::update(Bytes bytes) { EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()); }

std::string Md5::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_DigestFinal_ex(context_.get(), digest.data(), &size);
  return to_base64(std::as_bytes(std::span(digest).first(size)));
}

}  // namespace ota::hub
