#pragma once

// What a bad link and a bad server can do to one request, and the object that the server keeps.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "device/core/fetch/transport.hpp"

namespace ota::sim {

/// What happens to one request. Untouched it is a good server on a good link; the fields combine.
struct Exchange {
  std::optional<int> status = {};  // instead of the honest one; the body is then an error page
  std::optional<std::uint64_t> drop_after = {};  // the connection ends after so many body bytes
  fetch::TransferEnd end = fetch::TransferEnd::Unreachable;  // how it ends when it drops
  bool ignore_range = false;                                 // 200 and the whole object
  std::int64_t shift_range = 0;    // a Content-Range (and body) that starts elsewhere
  std::uint64_t excess_bytes = 0;  // more body than the range says; no Content-Length then
  bool without_etag = false;
  std::optional<Duration> retry_after = {};
  Duration takes = {};  // before the head arrives; from kLowSpeedTime on the transfer times out

  bool without_head = false;           // ends before the status line: name look-up, connect, TLS
  bool without_content_range = false;  // or with a malformed one
  std::int64_t shift_total = 0;        // a Content-Range with another total
  bool without_length = false;         // no Content-Length: a chunked body
  std::uint64_t missing_bytes = 0;     // less body than the Content-Range says, and a clean end
  std::optional<std::uint64_t> part_bytes = {};  // 206 with no more than so many bytes, honestly
  bool login_page = false;       // 200 and a page of the network in between: a captive portal
  bool replaced = false;         // uploaded again before the request: same bytes, another ETag
  bool ignore_if_match = false;  // answers with the object although its ETag is another
  bool stale_content = false;    // other bytes under the same ETag, this once
  std::optional<std::uint64_t> stall_after = {};  // after so many body bytes nothing comes any more
  std::uint32_t bytes_per_second = 0;             // 0: the link's own speed
  bool expire_token = false;  // 403 from now on, until a request brings another token
  Duration lasts = {};        // every request within this time gets the same
};

/// Whether the exchange rightly costs a device the bytes that it has: then they may be fetched
/// again.
constexpr bool voids_bytes(const Exchange& exchange) noexcept {
  return exchange.ignore_range || exchange.replaced || exchange.stale_content ||
         exchange.status == 200 || exchange.status == 412;
}

/// An object on the server.
struct RemoteObject {
  std::vector<std::byte> bytes = {};
  std::string etag = "\"0x8DC1\"";
  std::string url = {};  // empty: whatever address is asked for
};

}  // namespace ota::sim
