#include "cloud/hub/net/certificates.hpp"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>

#include "cloud/hub/files/durable_file.hpp"
#include "cloud/hub/x509/openssl_ptr.hpp"

namespace ota::hub {
namespace {

constexpr long kVersion3 = 2;
constexpr contract::UnixSeconds kDay = 24 * 60 * 60;
constexpr contract::UnixSeconds kClockSkew =
    60 * 60;  // Clients whose clock is a little slow still trust a fresh certificate.

struct KeyPair {
  ossl::Key key;
  ossl::Certificate certificate;
};

struct Subject {
  std::string common_name;
  int days = 0;
};

std::string failed(const std::string& what) {
  return "cannot " + what + "; is the state directory damaged?";
}

bool is_address(const std::string& name) {
  std::array<unsigned char, 16> bytes{};
  return ::inet_pton(AF_INET, name.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1;
}

std::string to_pem(X509* certificate) {
  const ossl::Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  return ossl::text_of_bio(bio.get());
}

std::string to_pem(EVP_PKEY* key) {
  const ossl::Bio bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return ossl::text_of_bio(bio.get());
}

/// The pair in two PEM files; nothing if one is missing, unreadable or they do not belong together.
std::optional<KeyPair> load(const std::string& certificate_file, const std::string& key_file) {
  const auto certificate_pem = read_file(certificate_file);
  const auto key_pem = read_file(key_file);
  if (!certificate_pem || !key_pem) return std::nullopt;
  const ossl::Bio certificate_bio(
      BIO_new_mem_buf(certificate_pem->data(), static_cast<int>(certificate_pem->size())));
  const ossl::Bio key_bio(BIO_new_mem_buf(key_pem->data(), static_cast<int>(key_pem->size())));
  KeyPair pair;
  pair.certificate.reset(PEM_read_bio_X509(certificate_bio.get(), nullptr, nullptr, nullptr));
  pair.key.reset(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr));
  if (!pair.certificate || !pair.key) return std::nullopt;
  if (X509_check_private_key(pair.certificate.get(), pair.key.get()) != 1) return std::nullopt;
  return pair;
}

bool add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const ossl::Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

/// Names are set as objects, not as OpenSSL's configuration text, in which a comma would start
/// another name.
bool add_names(X509* certificate, const std::vector<std::string>& names) {
  const ossl::Names list(GENERAL_NAMES_new());
  for (const std::string& name : names) {
    GENERAL_NAME* entry = a2i_GENERAL_NAME(nullptr, nullptr, nullptr,
                                           is_address(name) ? GEN_IPADD : GEN_DNS, name.c_str(), 0);
    if (entry == nullptr) return false;
    sk_GENERAL_NAME_push(list.get(), entry);
  }
  return X509_add1_ext_i2d(certificate, NID_subject_alt_name, list.get(), 0, X509V3_ADD_DEFAULT) ==
         1;
}

std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> out;
  const ossl::Names list(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; list && i < sk_GENERAL_NAME_num(list.get()); ++i) {
    const GENERAL_NAME* entry = sk_GENERAL_NAME_value(list.get(), i);
    if (entry->type != GEN_DNS && entry->type != GEN_IPADD) continue;
    const ASN1_STRING* value = entry->type == GEN_DNS ? entry->d.dNSName : entry->d.iPAddress;
    const std::string bytes(reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                            static_cast<std::size_t>(ASN1_STRING_length(value)));
    if (entry->type == GEN_DNS) {
      out.push_back(bytes);
      continue;
    }
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), text.data(), text.size());
    out.emplace_back(text.data());
  }
  return out;
}

/// A fresh key and a certificate for it that is not signed yet.
std::optional<KeyPair> draft(const Subject& subject, contract::UnixSeconds now) {
  KeyPair pair{ossl::Key(EVP_EC_gen("P-256")), ossl::Certificate(X509_new())};
  X509* certificate = pair.certificate.get();
  if (!pair.key || certificate == nullptr) return std::nullopt;
  std::array<unsigned char, 16> serial{};
  if (RAND_bytes(serial.data(), static_cast<int>(serial.size())) != 1) return std::nullopt;
  serial[0] = static_cast<unsigned char>((serial[0] & 0x7FU) |
                                         0x01U);  // RFC 5280: positive, at most 20 octets.
  BIGNUM* number = BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
  BN_free(number);
  X509_set_version(certificate, kVersion3);
  ASN1_TIME_set(X509_getm_notBefore(certificate), now - kClockSkew);
  ASN1_TIME_set(X509_getm_notAfter(certificate), now + subject.days * kDay);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(subject.common_name.c_str()),
                             -1, -1, 0);
  if (X509_set_pubkey(certificate, pair.key.get()) != 1) return std::nullopt;
  return pair;
}

std::optional<KeyPair> make_authority(contract::UnixSeconds now) {
  auto pair = draft({"mcu-ota local hub CA", kAuthorityDays}, now);
  if (!pair) return std::nullopt;
  X509* certificate = pair->certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  const bool extended =
      add_extension(certificate, certificate, NID_basic_constraints,
                    "critical,CA:TRUE,pathlen:0") &&
      add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") &&
      add_extension(certificate, certificate, NID_subject_key_identifier, "hash");
  if (!extended || X509_sign(certificate, pair->key.get(), EVP_sha256()) == 0) return std::nullopt;
  return pair;
}

std::optional<KeyPair> make_server(const KeyPair& authority, const std::vector<std::string>& names,
                                   contract::UnixSeconds now) {
  auto pair = draft({"mcu-ota local hub", kServerDays}, now);
  if (!pair) return std::nullopt;
  X509* certificate = pair->certificate.get();
  X509* issuer = authority.certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
  const bool extended =
      add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
      add_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature") &&
      add_extension(certificate, issuer, NID_ext_key_usage, "serverAuth") &&
      add_extension(certificate, issuer, NID_subject_key_identifier, "hash") &&
      add_extension(certificate, issuer, NID_authority_key_identifier, "keyid") &&
      add_names(certificate, names);
  if (!extended || X509_sign(certificate, authority.key.get(), EVP_sha256()) == 0)
    return std::nullopt;
  return pair;
}

bool ends_before(X509* certificate, contract::UnixSeconds time) {
  time_t limit = time;
  return X509_cmp_time(X509_get0_notAfter(certificate), &limit) <= 0;
}

bool still_fits(const KeyPair& server, const KeyPair& authority,
                const std::vector<std::string>& names, contract::UnixSeconds now) {
  return names_of(server.certificate.get()) == names &&
         X509_verify(server.certificate.get(), authority.key.get()) == 1 &&
         !ends_before(server.certificate.get(), now + kReissueDaysBefore * kDay);
}

Result<Ok, std::string> store(const std::string& path, const std::string& content, mode_t mode) {
  const auto written = write_durably(path, content, mode);
  if (!written) return written.error().message;
  return Ok{};
}

Result<KeyPair, std::string> ensure_authority(const std::string& directory,
                                              const std::string& certificate_file,
                                              contract::UnixSeconds now) {
  const std::string key_file = directory + "/ca.key";
  if (auto pair = load(certificate_file, key_file);
      pair && !ends_before(pair->certificate.get(), now)) {
    return std::move(*pair);
  }
  auto pair = make_authority(now);
  if (!pair) return failed("make a certificate authority");
  OTA_TRY(store(key_file, to_pem(pair->key.get()), 0600));
  OTA_TRY(store(certificate_file, to_pem(pair->certificate.get()), 0644));
  return std::move(*pair);
}

}  // namespace

std::vector<std::string> server_names(const std::vector<std::string>& extra) {
  std::vector<std::string> names;
  const auto add = [&names](const std::string& name) {
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(name);
  };
  add("localhost");
  add("127.0.0.1");
  add("::1");
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) == 0) add(host.data());
  for (const std::string& name : extra) add(name);
  return names;
}

Result<CertificateFiles, std::string> ensure_certificates(const std::string& directory,
                                                          const std::vector<std::string>& names,
                                                          contract::UnixSeconds now) {
  if (const auto made = make_private_directory(directory); !made) return made.error().message;
  const CertificateFiles files{directory + "/ca.pem", directory + "/server.pem",
                               directory + "/server.key"};
  OTA_TRY(const KeyPair authority, ensure_authority(directory, files.authority, now));
  if (const auto server = load(files.certificate, files.key);
      server && still_fits(*server, authority, names, now)) {
    return files;
  }
  const auto server = make_server(authority, names, now);
  if (!server)
    return std::string(
        "cannot make a server certificate; is every --host a DNS name or an IP address?");
  OTA_TRY(store(files.key, to_pem(server->key.get()), 0600));
  OTA_TRY(store(files.certificate,
                to_pem(server->certificate.get()) + to_pem(authority.certificate.get()), 0644));
  return files;
}

}  // namespace ota::hub
