#pragma once

// The seam between the download rules and whatever moves the bytes (libcurl on Linux, a script in
// tests).

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/cancel.hpp"
#include "base/clock.hpp"
#include "base/fixed_text.hpp"

namespace ota::fetch {

/// A GET of the blob from `first_byte` to its end. Never sends Accept-Encoding, never follows a
/// redirect.
struct Request {
  std::string_view url = {};       // without query
  std::string_view sas = {};       // query without '?'; must not reach a log
  std::uint32_t first_byte = 0;    // "Range: bytes={first_byte}-", always sent
  std::string_view if_match = {};  // ETag with its quotes; empty: no condition
};

struct ContentRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t total = 0;
};

struct ResponseHead {
  int status = 0;
  std::optional<ContentRange> content_range;  // nothing if absent or malformed
  std::optional<std::uint64_t> content_length;
  FixedText<64> etag;  // with its quotes; empty if absent or longer
  std::optional<Duration> retry_after;
};

enum class Verdict : std::uint8_t { Continue, Stop };

/// Gets the answer in pieces. Stop ends the transfer at once; at most one receive buffer (16 KiB)
/// more may have arrived.
class Receiver {
 public:
  virtual Verdict on_head(const ResponseHead& head) noexcept = 0;
  virtual Verdict on_body(Bytes bytes) noexcept = 0;

 protected:
  ~Receiver() = default;
};

enum class TransferEnd : std::uint8_t {
  Complete,        // the server's whole answer arrived
  Stopped,         // the receiver said Stop
  Cancelled,       // the Cancel was requested
  TimedOut,        // connect, low speed or total time
  Unreachable,     // name look-up, connect, reset, or the body ended early
  TlsUntrusted,    // the server's certificate does not lead to the configured CA, or names another
                   // host
  TlsNotYetValid,  // its certificate is not valid yet: the clock is not set
  InsecureUrl,     // plain http, which the configuration does not allow
  Failed,          // anything else; the adapter logged it
};

/// A transfer slower than this for so long ends as TimedOut: a dead link must not look like a slow
/// one.
inline constexpr std::uint32_t kLowSpeedBytes = 64;  // per second
inline constexpr Duration kLowSpeedTime = std::chrono::seconds(60);

class Transport {
 public:
  /// Blocks until the answer has ended one way or another. Looks at `cancel` at least every 100 ms.
  virtual TransferEnd get(const Request& request, Receiver& receiver,
                          const Cancel& cancel) noexcept = 0;

 protected:
  ~Transport() = default;
};

}  // namespace ota::fetch
