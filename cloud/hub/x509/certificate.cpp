#include "cloud/hub/x509/certificate.hpp"

#include <openssl/err.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "base/encoding.hpp"
#include "cloud/hub/x509/openssl_ptr.hpp"

namespace ota::hub {
namespace {

constexpr std::string_view kPemBegin = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view kPemEnd = "-----END CERTIFICATE-----";
constexpr int kChainMax = 8;
constexpr int kWeakestAllowed = 1;  // OpenSSL's security level 1: no MD5, no RSA below 1024 bits

struct FreeChain {
  void operator()(STACK_OF(X509) * chain) const { sk_X509_pop_free(chain, X509_free); }
};
using Chain = std::unique_ptr<STACK_OF(X509), FreeChain>;
using Store = std::unique_ptr<X509_STORE, ossl::Deleter<X509_STORE_free>>;
using Verification = std::unique_ptr<X509_STORE_CTX, ossl::Deleter<X509_STORE_CTX_free>>;

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

ossl::Certificate parse(std::string_view der) {
  if (der.empty() || der.size() > kCertificateBytesMax) return nullptr;
  const auto* data = reinterpret_cast<const unsigned char*>(der.data());
  const auto* const end = data + der.size();
  ossl::Certificate certificate(d2i_X509(nullptr, &data, static_cast<long>(der.size())));
  ERR_clear_error();
  return data == end ? std::move(certificate) : nullptr;  // Nothing may follow it.
}

/// base64 with blanks and line ends in any place.
std::optional<std::string> decoded(std::string text) {
  std::erase_if(text, [](unsigned char c) { return std::isspace(c) != 0; });
  const auto bytes = from_base64(text);
  if (!bytes) return std::nullopt;
  return std::string(text_of(*bytes));
}

std::string thumbprint(X509* certificate, const EVP_MD* hash) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (X509_digest(certificate, hash, digest.data(), &size) != 1) return {};
  return upper(to_hex(std::as_bytes(std::span(digest).first(size))));
}

std::string common_name(X509* certificate) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return {};
  unsigned char* text = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (size < 0) return {};
  std::string name(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
  OPENSSL_free(text);
  return name;
}

std::string text_of_name(const X509_NAME* name) {
  const ossl::Bio out(BIO_new(BIO_s_mem()));
  constexpr unsigned long kForm = XN_FLAG_SEP_CPLUS_SPC | XN_FLAG_FN_SN | ASN1_STRFLGS_RFC2253;
  if (!out || X509_NAME_print_ex(out.get(), name, 0, kForm & ~ASN1_STRFLGS_ESC_MSB) < 0) return {};
  return ossl::text_of_bio(out.get());
}

std::string serial_of(const X509* certificate) {
  BIGNUM* number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr);
  if (number == nullptr) return {};
  char* hex = BN_bn2hex(number);
  BN_free(number);
  std::string text = hex == nullptr ? "" : hex;
  OPENSSL_free(hex);
  return text;
}

contract::UnixSeconds seconds_of(const ASN1_TIME* time) {
  tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<contract::UnixSeconds>(timegm(&parts))
                                            : 0;
}

}  // namespace

std::optional<std::string> certificate_der(std::string_view text) {
  // base64 makes four bytes of three, and PEM adds line ends.
  if (text.size() > 3 * kCertificateBytesMax) return std::nullopt;
  const bool is_pem = text.find(kPemBegin) != std::string_view::npos;
  std::optional<std::string> body = is_pem ? std::string(text) : decoded(std::string(text));
  if (!body) return std::nullopt;
  if (const auto begin = body->find(kPemBegin); begin != std::string::npos) {
    const auto end = body->find(kPemEnd, begin);
    if (end == std::string::npos) return std::nullopt;
    body = decoded(body->substr(begin + kPemBegin.size(), end - begin - kPemBegin.size()));
  }
  if (!body || !parse(*body)) return std::nullopt;
  return body;
}

std::optional<CertificateFacts> read_certificate(std::string_view der) {
  const ossl::Certificate certificate = parse(der);
  if (!certificate) return std::nullopt;
  X509* raw = certificate.get();
  CertificateFacts facts{.common_name = common_name(raw),
                         .subject_name = text_of_name(X509_get_subject_name(raw)),
                         .issuer_name = text_of_name(X509_get_issuer_name(raw)),
                         .serial_number = serial_of(raw),
                         .sha1_thumbprint = thumbprint(raw, EVP_sha1()),
                         .sha256_thumbprint = thumbprint(raw, EVP_sha256()),
                         .not_before = seconds_of(X509_get0_notBefore(raw)),
                         .not_after = seconds_of(X509_get0_notAfter(raw)),
                         .version = X509_get_version(raw) + 1};
  ERR_clear_error();
  return facts;
}

bool leads_to(const std::vector<std::string>& chain_der, std::string_view authority_der,
              contract::UnixSeconds now) {
  if (chain_der.empty() || chain_der.size() > kChainMax) return false;
  const ossl::Certificate authority = parse(authority_der);
  const ossl::Certificate leaf = parse(chain_der.front());
  const Store store(X509_STORE_new());
  const Verification verification(X509_STORE_CTX_new());
  Chain others(sk_X509_new_null());
  if (!authority || !leaf || !store || !verification || !others) return false;
  for (std::size_t i = 1; i < chain_der.size(); ++i) {
    ossl::Certificate other = parse(chain_der[i]);
    if (!other || sk_X509_push(others.get(), other.get()) <= 0) return false;
    (void)other.release();  // The chain owns it now.
  }
  bool leads = X509_STORE_add_cert(store.get(), authority.get()) == 1 &&
               X509_STORE_CTX_init(verification.get(), store.get(), leaf.get(), others.get()) == 1;
  if (leads) {
    X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(verification.get());
    X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_time(rules, static_cast<time_t>(now));
    X509_VERIFY_PARAM_set_depth(rules, kChainMax);
    X509_VERIFY_PARAM_set_auth_level(rules, kWeakestAllowed);
    leads = X509_verify_cert(verification.get()) == 1 &&
            sk_X509_num(X509_STORE_CTX_get0_chain(verification.get())) > 1;
  }
  ERR_clear_error();
  return leads;
}

}  // namespace ota::hub
