#pragma once

// Every fault of link and server by name, and one at random.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/random.hpp"
#include "sim/link/exchange.hpp"

namespace ota::sim {

enum class LinkFault : std::uint8_t {
  Unreachable,         // name look-up or connect
  TlsUntrusted,        // the certificate leads elsewhere
  ClockUnset,          // the certificate is not valid yet, for a while
  SlowStart,           // the head comes late, but within the low-speed time
  NoAnswer,            // the head does not come within the low-speed time
  DropInHead,          // the connection ends between head and body
  Drop,                // or anywhere in the body
  Stall,               // no byte any more
  Trickle,             // slow, above the low-speed limit
  Crawl,               // slower than the low-speed limit
  PartOnly,            // a shorter range than asked for
  ShortBody,           // a shorter body than the range
  LongBody,            // a longer body than announced
  RangeIgnored,        // 200 and the whole object
  RangeElsewhere,      // a range that starts elsewhere
  RangeOtherTotal,     // a range of an object of another size
  RangeAbsent,         // 206 without a Content-Range that can be read
  LengthAbsent,        // a chunked body
  EtagAbsent,          // no ETag
  EtagChanged,         // uploaded again; answers If-Match with 412
  EtagChangedUnasked,  // uploaded again; the server does not know If-Match
  ContentChanged,      // other bytes under the same ETag
  LoginPage,           // a captive portal
  MovedPermanently,    // 301
  MovedTemporarily,    // 302
  BadRequest,          // 400
  TokenExpired,        // 403 until the token is renewed
  NotFound,            // 404
  RequestTimeout,      // 408
  ConditionFailed,     // 412
  RangeRefused,        // 416
  TooManyRequests,     // 429, with or without Retry-After
  ServerError,         // 500
  Unavailable,         // 503, with or without Retry-After
};
inline constexpr std::uint8_t kLinkFaultCount =
    static_cast<std::uint8_t>(LinkFault::Unavailable) + 1;

std::string_view to_text(LinkFault fault) noexcept;

/// One exchange with the fault; what the name leaves open is drawn.
/// @param object_bytes  of the object, for the places where a transfer can break
Exchange exchange_with(LinkFault fault, Random& random, std::uint64_t object_bytes);

struct DrawnFault {
  LinkFault fault = LinkFault::Unreachable;
  Exchange exchange = {};
};

/// Any fault. Some last: up to two hours, or as TokenExpired until a new offer brings a new token.
DrawnFault draw_fault(Random& random, std::uint64_t object_bytes);

/// The fields that are not as on a good link, for a failure's message.
std::string describe(const Exchange& exchange);

}  // namespace ota::sim
