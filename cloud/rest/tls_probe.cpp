#include "cloud/rest/tls_probe.hpp"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <ctime>
#include <memory>
#include <string_view>

#include "cloud/rest/internal/curl_setup.hpp"

namespace ota::rest {
namespace {

struct EasyCleanup {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};
using Easy = std::unique_ptr<CURL, EasyCleanup>;

enum class Trust { Demanded, Ignored };

struct Attempt {
  CURLcode code = CURLE_OK;
  std::string detail;
  std::optional<PeerCertificate> certificate;
};

std::string line_of(const X509_NAME* name) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
  if (!out || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_ONELINE) < 0) return {};
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::optional<PeerCertificate> read_certificate(std::string_view pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> in(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  if (!in) return std::nullopt;
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr), &X509_free);
  if (!certificate) return std::nullopt;
  PeerCertificate out{.subject = line_of(X509_get_subject_name(certificate.get())),
                      .issuer = line_of(X509_get_issuer_name(certificate.get()))};
  std::tm end{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &end) == 1) {
    out.expires = contract::UnixSeconds{::timegm(&end)};
  }
  return out;
}

/// The first certificate of the chain is the server's own.
std::optional<PeerCertificate> certificate_of(CURL* curl) {
  constexpr std::string_view kPrefix = "Cert:";
  curl_certinfo* chain = nullptr;
  if (curl_easy_getinfo(curl, CURLINFO_CERTINFO, &chain) != CURLE_OK || chain == nullptr ||
      chain->num_of_certs < 1) {
    return std::nullopt;
  }
  for (const curl_slist* field = chain->certinfo[0]; field != nullptr; field = field->next) {
    const std::string_view text(field->data);
    if (text.starts_with(kPrefix)) return read_certificate(text.substr(kPrefix.size()));
  }
  return std::nullopt;
}

Attempt connect(const std::string& url, const HttpOptions& options, Trust trust) {
  start_curl();
  const Easy curl(curl_easy_init());
  OTA_ASSERT(curl != nullptr);
  std::array<char, CURL_ERROR_SIZE> detail{};
  set_connection(curl.get(), options, url);
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, detail.data());
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_CONNECT_ONLY, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_CERTINFO, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, static_cast<long>(options.connect_timeout_s));
  if (trust == Trust::Ignored) {
    curl_easy_setopt(curl.get(), CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl.get(), CURLOPT_SSL_VERIFYHOST, 0L);
  }
  Attempt out;
  out.code = curl_easy_perform(curl.get());
  out.detail = detail.data();
  out.certificate = certificate_of(curl.get());
  return out;
}

}  // namespace

ApiResult<TlsFacts> probe_tls(const std::string& origin, const HttpOptions& options) {
  Attempt attempt = connect(origin, options, Trust::Demanded);
  if (attempt.code == CURLE_OK) return TlsFacts{.certificate = std::move(attempt.certificate)};
  const bool distrusted =
      attempt.code == CURLE_PEER_FAILED_VERIFICATION || attempt.code == CURLE_SSL_CACERT_BADFILE;
  if (!distrusted) return network_error(attempt.code, origin, attempt.detail.c_str());
  // Nothing is sent over this second connection: it only shows which certificate that was.
  Attempt again = connect(origin, {.connect_timeout_s = options.connect_timeout_s}, Trust::Ignored);
  return TlsFacts{.distrust = attempt.detail.empty() ? curl_easy_strerror(attempt.code)
                                                     : std::move(attempt.detail),
                  .certificate = std::move(again.certificate)};
}

ApiResult<Ok> probe_tcp(const std::string& origin, const HttpOptions& options) {
  std::string url = origin;
  if (url.starts_with("https://")) {
    url.erase(4, 1);
    // The port that https means where none is named.
    const std::size_t host = url.find("://") + 3;
    const bool address_v6 = url[host] == '[';
    const std::size_t from = address_v6 ? url.find(']', host) : host;
    if (url.find(':', from) == std::string::npos) url += ":443";
  }
  const Attempt attempt = connect(url, options, Trust::Demanded);
  if (attempt.code == CURLE_OK) return Ok{};
  return network_error(attempt.code, origin, attempt.detail.c_str());
}

}  // namespace ota::rest
