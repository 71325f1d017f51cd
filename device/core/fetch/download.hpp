#pragma once

// The rules of one download, without I/O: what to ask, what to make of the answer, what to do next.
// The caller moves the bytes: request() to the transport, the answer's head to judge(), its body
// through accept() to the flash, the end of the transfer to ending().

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/fixed_text.hpp"
#include "contract/status.hpp"
#include "device/core/fetch/transport.hpp"

namespace ota::fetch {

/// What an answer's head means for the bytes that are stored already.
enum class HeadVerdict : std::uint8_t {
  Append,   // the body goes on where the stored bytes end
  Restart,  // drop the stored bytes and take the new ETag; the body starts at the first byte
  Drop,     // drop the stored bytes: the object changed, and this body is of no use; stop
  Refuse,   // keep the stored bytes; this body is of no use; stop
};

/// What follows when a transfer has ended.
enum class Next : std::uint8_t {
  Verify,    // every byte is there
  AskAgain,  // at once: the object changed, the old bytes were dropped
  Retry,     // after a back-off, or after `retry_after` if that is longer
  Wait,      // trying soon cannot help: a new offer, or a try a day
  Cancel,    // the caller cancelled
};

struct Ending {
  Next next = Next::Retry;
  contract::Code code = contract::Code::None;
  std::optional<Duration> retry_after;  // what the server asked for, at most kRetryAfterMax

  friend constexpr bool operator==(const Ending&, const Ending&) noexcept = default;
};

/// A server's Retry-After is honoured up to here, so that a wrong header cannot silence a device.
inline constexpr Duration kRetryAfterMax = std::chrono::hours(24);

/// The back-off between two tries: full jitter, from 1 s to 15 min.
inline constexpr Duration kBackoffBase = std::chrono::seconds(1);
inline constexpr Duration kBackoffCap = std::chrono::minutes(15);

/// One try to bring the bytes from `stored_bytes` to `size_bytes`.
class Download {
 public:
  /// @param size_bytes    of the whole object, from the offer
  /// @param stored_bytes  what is there already, 0 .. size_bytes
  /// @param etag          of the object that they come from; empty if unknown
  Download(std::uint32_t size_bytes, std::uint32_t stored_bytes, std::string_view etag) noexcept;

  /// True if every byte is there: then nothing is asked.
  bool complete() const noexcept { return position_ == size_bytes_; }

  /// @param url, sas  must outlive the request
  Request request(std::string_view url, std::string_view sas) const noexcept;

  HeadVerdict judge(const ResponseHead& head) noexcept;

  /// The part of a received piece that belongs to the image: nothing of a refused answer, and never
  /// a byte past the range that was announced.
  Bytes accept(Bytes received) noexcept;

  Ending ending(TransferEnd end) const noexcept;

  /// The ETag to keep with the bytes; empty if the server sent none.
  std::string_view etag() const noexcept { return etag_; }
  std::uint32_t position() const noexcept { return position_; }

  /// Image bytes that this try brought.
  std::uint32_t received_bytes() const noexcept { return received_bytes_; }

 private:
  HeadVerdict judge_part(const ResponseHead& head) noexcept;
  HeadVerdict judge_whole(const ResponseHead& head) noexcept;
  HeadVerdict drop() noexcept;
  HeadVerdict refuse(Next next, contract::Code code) noexcept;

  std::uint32_t size_bytes_;
  std::uint32_t position_;
  std::uint32_t received_bytes_ = 0;
  std::uint32_t body_end_ = 0;  // how far the body may bring the image; 0 while none was taken
  FixedText<64> etag_;
  Ending refused_;  // what follows if the head was not taken
};

}  // namespace ota::fetch
