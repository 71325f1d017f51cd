#include "cloud/hub/blob/blob_auth.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cctype>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "base/encoding.hpp"
#include "cloud/hub/http/http_date.hpp"

namespace ota::hub {
namespace {

using contract::UnixSeconds;
using HeaderOrder = std::function<bool(const std::string&, const std::string&)>;

constexpr std::string_view kSharedKey = "SharedKey ";
constexpr std::string_view kEncryptionScopeSince = "2020-12-06";

bool signed_with(Bytes key, std::string_view text, std::string_view signature) {
  const std::string expected = to_base64(hmac_sha256(key, bytes_of(text)));
  return equal_in_constant_time(bytes_of(expected), bytes_of(signature));
}

std::string trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0)
    text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0)
    text.remove_suffix(1);
  return std::string(text);
}

std::string without_hyphens(std::string text) {
  std::erase(text, '-');
  return text;
}

/// JavaScript's SDK sorts names with a comparer that looks at hyphens only when everything else is
/// equal.
bool hyphens_last(const std::string& a, const std::string& b) {
  const std::string left = without_hyphens(a), right = without_hyphens(b);
  return left == right ? a < b : left < right;
}

std::string canonical_headers(const BlobRequest& request, const HeaderOrder& order) {
  std::map<std::string, std::string, HeaderOrder> sorted(order);
  for (const auto& [name, value] : request.head.headers.all()) {
    std::string key = name;
    std::transform(key.begin(), key.end(), key.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (key.starts_with("x-ms-")) sorted[key] = trimmed(value);
  }
  std::string out;
  for (const auto& [name, value] : sorted) out += name + ":" + value + "\n";
  return out;
}

std::string canonical_resource(const BlobRequest& request, std::string_view account) {
  std::string out = "/" + std::string(account) + request.head.path;
  for (auto it = request.query.begin(); it != request.query.end();) {
    const auto end = request.query.upper_bound(it->first);
    std::vector<std::string> values;
    const std::string& name = it->first;
    for (auto value = it; value != end; ++value) values.push_back(value->second);
    std::sort(values.begin(), values.end());
    out += "\n" + name + ":";
    for (std::size_t i = 0; i < values.size(); ++i) out += (i > 0 ? "," : "") + values[i];
    it = end;
  }
  return out;
}

std::string string_to_sign(const BlobRequest& request, std::string_view account,
                           const HeaderOrder& order) {
  std::string length = request.header("Content-Length");
  if (length == "0") length.clear();
  const std::string date = request.has_header("x-ms-date") ? "" : request.header("Date");
  std::string out = request.head.method;
  for (const std::string& line :
       {request.header("Content-Encoding"), request.header("Content-Language"), length,
        request.header("Content-MD5"), request.header("Content-Type"), date,
        request.header("If-Modified-Since"), request.header("If-Match"),
        request.header("If-None-Match"), request.header("If-Unmodified-Since"),
        request.header("Range")}) {
    out += "\n" + line;
  }
  return out + "\n" + canonical_headers(request, order) + canonical_resource(request, account);
}

BlobResult<BlobGrant> check_shared_key(const BlobRequest& request, const BlobAccount& account,
                                       UnixSeconds now) {
  std::string_view credentials = *request.head.headers.find("Authorization");
  credentials.remove_prefix(kSharedKey.size());
  const std::size_t colon = credentials.find(':');
  if (colon == std::string_view::npos || credentials.substr(0, colon) != account.name) {
    return blob_error::authentication_failed("the account name is not the one of this hub");
  }
  const std::string_view signature = credentials.substr(colon + 1);
  const auto date = parse_http_date(request.has_header("x-ms-date") ? request.header("x-ms-date")
                                                                    : request.header("Date"));
  if (!date) return blob_error::authentication_failed("x-ms-date is missing or malformed");
  if (*date < now - kSharedKeySkewMax_s || *date > now + kSharedKeySkewMax_s) {
    return blob_error::authentication_failed(
        "x-ms-date is more than 15 minutes off; check the clock");
  }
  const bool genuine =
      signed_with(account.key, string_to_sign(request, account.name, std::less<>()), signature) ||
      signed_with(account.key, string_to_sign(request, account.name, hyphens_last), signature);
  if (!genuine) return blob_error::authentication_failed("the signature does not match");
  return BlobGrant::owner();
}

std::string account_sas_string_to_sign(const BlobRequest& request, const BlobAccount& account) {
  std::string out = account.name + "\n";
  for (const char* name : {"sp", "ss", "srt", "st", "se", "sip", "spr", "sv"})
    out += request.parameter(name) + "\n";
  if (request.parameter("sv") >= kEncryptionScopeSince) out += request.parameter("ses") + "\n";
  return out;
}

std::string service_sas_string_to_sign(const BlobRequest& request, const BlobAccount& account) {
  contract::BlobSasFields f;
  f.sp = request.parameter("sp");
  f.st = request.parameter("st");
  f.se = request.parameter("se");
  f.si = request.parameter("si");
  f.sip = request.parameter("sip");
  f.spr = request.parameter("spr");
  f.sv = request.parameter("sv");
  f.sr = request.parameter("sr");
  f.snapshot = request.parameter("snapshot");
  f.ses = request.parameter("ses");
  f.rscc = request.parameter("rscc");
  f.rscd = request.parameter("rscd");
  f.rsce = request.parameter("rsce");
  f.rscl = request.parameter("rscl");
  f.rsct = request.parameter("rsct");
  std::string resource = "/blob/" + account.name + "/" + request.container;
  if (f.sr == "b") resource += "/" + request.blob;
  return contract::blob_sas_string_to_sign(f, resource);
}

std::optional<std::uint32_t> ipv4(const std::string& text) {
  in_addr address{};
  if (::inet_pton(AF_INET, text.c_str(), &address) != 1) return std::nullopt;
  return ntohl(address.s_addr);
}

bool address_allowed(const std::string& allowed, const std::string& peer) {
  const std::size_t dash = allowed.find('-');
  const auto first = ipv4(allowed.substr(0, dash));
  const auto last = dash == std::string::npos ? first : ipv4(allowed.substr(dash + 1));
  const auto address = ipv4(peer);
  return first && last && address && *first <= *address && *address <= *last;
}

BlobResult<Ok> check_window(const BlobRequest& request, UnixSeconds now) {
  const auto expiry = contract::parse_iso8601(request.parameter("se"));
  if (!expiry) return blob_error::authentication_failed("the expiry (se) is missing or malformed");
  if (now >= *expiry)
    return blob_error::authentication_failed("the signature has expired at " +
                                             request.parameter("se"));
  const std::string start_text = request.parameter("st");
  if (start_text.empty()) return Ok{};
  const auto start = contract::parse_iso8601(start_text);
  if (!start) return blob_error::authentication_failed("the start (st) is malformed");
  if (now < *start)
    return blob_error::authentication_failed("the signature is not valid before " + start_text);
  return Ok{};
}

BlobResult<BlobGrant> check_sas(const BlobRequest& request, const BlobAccount& account,
                                UnixSeconds now) {
  const std::string version = request.parameter("sv");
  if (version.empty()) return blob_error::authentication_failed("sv is missing");
  if (!request.parameter("skoid").empty() || !request.parameter("si").empty()) {
    return blob_error::authentication_failed(
        "this hub knows neither user-delegation tokens nor stored policies");
  }
  const bool of_account = !request.parameter("ss").empty();
  const std::string kind = request.parameter("sr");
  if (!of_account && kind != "b" && kind != "c")
    return blob_error::authentication_failed("sr is neither b nor c");
  const std::string text = of_account ? account_sas_string_to_sign(request, account)
                                      : service_sas_string_to_sign(request, account);
  if (!signed_with(account.key, text, request.parameter("sig"))) {
    return blob_error::authentication_failed("the signature does not match");
  }
  OTA_TRY(check_window(request, now));
  const std::string protocol = request.parameter("spr");
  if (!protocol.empty() && protocol.find("https") == std::string::npos) {
    return BlobError{403, "AuthorizationProtocolMismatch", "The token does not allow HTTPS."};
  }
  const std::string addresses = request.parameter("sip");
  if (!addresses.empty() && !address_allowed(addresses, request.head.peer_address)) {
    return BlobError{403, "AuthorizationSourceIPMismatch",
                     "The token does not allow this address."};
  }
  if (!of_account) return BlobGrant::service(request.parameter("sp"));
  if (request.parameter("ss").find('b') == std::string::npos) {
    return BlobError{403, "AuthorizationServiceMismatch", "The token is not for blobs."};
  }
  return BlobGrant::account(request.parameter("sp"), request.parameter("srt"));
}

}  // namespace

BlobResult<Ok> BlobGrant::require(std::string_view any_of, char resource_type) const {
  if (kind_ == Kind::Owner) return Ok{};
  // A service SAS lists a container's blobs, but never touches containers themselves.
  const bool listing = any_of == "l" && resource_type == 'c';
  const bool type_granted = resource_types_.find(resource_type) != std::string::npos ||
                            (kind_ == Kind::Service && listing);
  if (!type_granted) {
    return BlobError{403, "AuthorizationResourceTypeMismatch",
                     "The token is not for this type of resource."};
  }
  if (permissions_.find_first_of(any_of) == std::string::npos) {
    return BlobError{403, "AuthorizationPermissionMismatch",
                     "The token does not grant this operation."};
  }
  return Ok{};
}

std::string shared_key_string_to_sign(const BlobRequest& request, std::string_view account) {
  return string_to_sign(request, account, std::less<>());
}

BlobResult<BlobGrant> authorize(const BlobRequest& request, const BlobAccount& account,
                                UnixSeconds now) {
  const auto authorization = request.head.headers.find("Authorization");
  if (authorization && authorization->starts_with(kSharedKey))
    return check_shared_key(request, account, now);
  if (!authorization && !request.parameter("sig").empty()) return check_sas(request, account, now);
  return BlobError{401, "NoAuthenticationInformation",
                   "Sign the request with Shared Key, or add a SAS token to the URL."};
}

}  // namespace ota::hub
