// Certificates from outside: certificates in enrollments as text, and chains that devices send,
// each as DER with its length before it. Never a crash; what is accepted is read again the same
// way, and no certificate is its own authority.
#include <cstdint>

#include "base/bytes.hpp"
#include "base/encoding.hpp"
#include "cloud/hub/x509/certificate.hpp"
#include "fuzz/require.hpp"

namespace {

using namespace ota;
using fuzz::require;

constexpr contract::UnixSeconds kNow = 1893456000;
constexpr std::size_t kThumbprintSize = 64;

void check_text(std::string_view text) {
  const auto der = hub::certificate_der(text);
  if (!der) return;
  const auto facts = hub::read_certificate(*der);
  require(facts.has_value());
  require(facts->sha256_thumbprint.size() == kThumbprintSize);
  require(hub::certificate_der(to_base64(bytes_of(*der))) == *der);
  require(!hub::leads_to({*der}, *der, kNow));  // Nobody signs himself into a group.
}

/// The certificates behind one another; what is left over is none.
void check_chain(std::string_view bytes) {
  std::vector<std::string> chain;
  while (bytes.size() > 2) {
    const std::size_t size = static_cast<std::size_t>(static_cast<unsigned char>(bytes[0])) * 256 +
                             static_cast<unsigned char>(bytes[1]);
    bytes.remove_prefix(2);
    chain.emplace_back(bytes.substr(0, size));
    bytes.remove_prefix(chain.back().size());
  }
  if (chain.empty()) return;
  for (const std::string& certificate : chain) (void)hub::read_certificate(certificate);
  (void)hub::leads_to(chain, chain.back(), kNow);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(std::as_bytes(std::span(data, size)));
  check_text(text);
  check_chain(text);
  return 0;
}
