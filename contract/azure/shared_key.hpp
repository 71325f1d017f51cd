#pragma once

// SharedKey authorization of the Blob service, made by the client and checked by the hub as plain
// texts. Source: "Authorize with Shared Key", service version 2015-02-21 and later.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.hpp"

namespace ota::contract {

/// Name and value of a header; names in any case.
using HeaderFields = std::vector<std::pair<std::string, std::string>>;

/// What a SharedKey signature covers of a request. It refers to texts of the caller.
struct SharedKeyRequest {
  std::string_view method;   // upper case
  std::string_view account;  // for path-style hosts the path begins with the account once more
  std::string_view path;     // as sent, percent-encoded, with the leading '/'
  std::string_view query;    // as sent, without '?'
  const HeaderFields& headers;
};

/// How x-ms- headers are sorted before they are signed. The documents say by bytes; Microsoft's SDK
/// for JavaScript sorts as words are sorted: hyphens count only where nothing else differs, and
/// signs come before digits before letters.
enum class HeaderOrder : std::uint8_t { Bytes, Words };

/// The text that is signed. Nothing if the query cannot be decoded.
std::optional<std::string> shared_key_string_to_sign(const SharedKeyRequest& request,
                                                     HeaderOrder order = HeaderOrder::Bytes);

/// base64(HMAC-SHA256(key, text)); `key` is the decoded account key.
std::string shared_key_signature(std::string_view string_to_sign, Bytes key);

/// The value of the Authorization header, "SharedKey {account}:{signature}". Nothing if the query
/// cannot be decoded.
std::optional<std::string> make_shared_key_authorization(const SharedKeyRequest& request,
                                                         Bytes key);

struct SharedKeyAuthorization {
  std::string account;
  std::string signature;  // base64
};

/// Reads "SharedKey {account}:{signature}". Nothing for another scheme or form.
std::optional<SharedKeyAuthorization> parse_shared_key_authorization(std::string_view value);

/// True if `key` (decoded) made `signature` for this request, with its headers in either order.
/// Compares in constant time; the date is the caller's to check.
bool shared_key_signed_by(const SharedKeyRequest& request, std::string_view signature, Bytes key);

}  // namespace ota::contract
