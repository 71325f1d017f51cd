#include "cloud/hub/blob/blob_auth.hpp"

#include <arpa/inet.h>

#include <optional>

#include "base/encoding.hpp"
#include "cloud/hub/http/http_date.hpp"
#include "contract/azure/shared_key.hpp"

namespace ota::hub {
namespace {

using contract::UnixSeconds;

constexpr std::string_view kSharedKey = "SharedKey ";
constexpr std::string_view kEncryptionScopeSince = "2020-12-06";

bool signed_with(Bytes key, std::string_view text, std::string_view signature) {
  const std::string expected = to_base64(hmac_sha256(key, bytes_of(text)));
  return equal_in_constant_time(bytes_of(expected), bytes_of(signature));
}

BlobResult<BlobGrant> check_shared_key(const BlobRequest& request, const BlobAccount& account,
                                       UnixSeconds now) {
  const auto sent = contract::parse_shared_key_authorization(request.header("Authorization"));
  if (!sent || sent->account != account.name) {
    return blob_error::authentication_failed("the account is not the one of this hub");
  }
  const auto date =
      parse_http_date(request.header(request.has_header("x-ms-date") ? "x-ms-date" : "Date"));
  if (!date) return blob_error::authentication_failed("x-ms-date is missing or malformed");
  if (*date < now - kSharedKeySkewMax_s || *date > now + kSharedKeySkewMax_s) {
    return blob_error::authentication_failed(
        "x-ms-date is more than 15 minutes off; check the clock");
  }
  const contract::SharedKeyRequest text{request.head.method, account.name, request.head.path,
                                        request.head.query, request.head.headers.all()};
  if (!contract::shared_key_signed_by(text, sent->signature, account.key)) {
    return blob_error::authentication_failed("the signature does not match");
  }
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

bool address_allowed(const std::string& allowed, std::string peer) {
  constexpr std::string_view mapped = "::ffff:";  // IPv4 on a socket of IPv6
  if (peer.starts_with(mapped)) peer.erase(0, mapped.size());
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

BlobResult<Ok> check_protocol(const BlobRequest& request) {
  const std::string allowed = request.parameter("spr");
  const std::string spoken = request.head.encrypted ? "https" : "http";
  if (allowed.empty() || ("," + allowed + ",").find("," + spoken + ",") != std::string::npos)
    return Ok{};
  return BlobError{403, "AuthorizationProtocolMismatch",
                   "The token does not allow " + spoken + "."};
}

BlobResult<BlobGrant> check_sas(const BlobRequest& request, const BlobAccount& account,
                                UnixSeconds now) {
  const std::string version = request.parameter("sv");
  if (version.empty()) return blob_error::authentication_failed("sv is missing");
  if (request.parameter("sp").empty()) return blob_error::authentication_failed("sp is missing");
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
  OTA_TRY(check_protocol(request));
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
  if (kind_ == Kind::Account && resource_types_.find(resource_type) == std::string::npos) {
    return BlobError{403, "AuthorizationResourceTypeMismatch",
                     "The token is not for this type of resource."};
  }
  // A service SAS lists a container's blobs, but never touches containers themselves.
  const bool listing = any_of == "l" && resource_type == 'c';
  const bool out_of_reach = kind_ == Kind::Service && resource_type != 'o' && !listing;
  if (out_of_reach || permissions_.find_first_of(any_of) == std::string::npos) {
    return BlobError{403, "AuthorizationPermissionMismatch",
                     "The token does not grant this operation."};
  }
  return Ok{};
}

BlobResult<Ok> BlobGrant::require_owner() const {
  if (kind_ == Kind::Owner) return Ok{};
  return BlobError{403, "AuthorizationPermissionMismatch",
                   "Only the account's key gives this operation."};
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
