#pragma once

// Certificates made on the spot, for tests.

#include <openssl/rand.h>

#include <string>

#include "cloud/hub/x509/openssl_ptr.hpp"
#include "contract/azure/sas.hpp"

namespace ota::hub {

/// A key pair with its certificate, which may sign others.
struct TestIdentity {
  ossl::Key key;
  ossl::Certificate certificate;

  std::string der() const {
    unsigned char* bytes = nullptr;
    const int size = i2d_X509(certificate.get(), &bytes);
    std::string text(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    OPENSSL_free(bytes);
    return text;
  }
  std::string pem() const {
    const ossl::Bio out(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(out.get(), certificate.get());
    return ossl::text_of_bio(out.get());
  }
};

enum class TestRole { Authority, Leaf };

/// Valid from a day before `now` to a day after it; signed by itself without an issuer.
inline TestIdentity test_identity(const std::string& common_name, TestRole role,
                                  contract::UnixSeconds now, const TestIdentity* issuer = nullptr) {
  constexpr contract::UnixSeconds kDay = 86400;
  TestIdentity made{ossl::Key(EVP_EC_gen("P-256")), ossl::Certificate(X509_new())};
  X509* raw = made.certificate.get();
  std::uint16_t serial = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof(serial));
  X509_set_version(raw, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(raw), serial + 1);
  ASN1_TIME_set(X509_getm_notBefore(raw), now - kDay);
  ASN1_TIME_set(X509_getm_notAfter(raw), now + kDay);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(raw), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(raw,
                       X509_get_subject_name(issuer != nullptr ? issuer->certificate.get() : raw));
  X509_set_pubkey(raw, made.key.get());
  const ossl::Extension constraints(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints,
                          role == TestRole::Authority ? "critical,CA:TRUE" : "critical,CA:FALSE"));
  X509_add_ext(raw, constraints.get(), -1);
  X509_sign(raw, issuer != nullptr ? issuer->key.get() : made.key.get(), EVP_sha256());
  return made;
}

}  // namespace ota::hub
