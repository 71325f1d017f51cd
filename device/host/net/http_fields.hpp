#pragma once

// Values of HTTP header fields that a download depends on, read strictly (RFC 9110).

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.hpp"
#include "device/core/fetch/transport.hpp"

namespace ota::net {

/// Reads "bytes first-last/total". Nothing for anything else: another unit, "*", first > last, last
/// >= total, overflow.
std::optional<fetch::ContentRange> parse_content_range(std::string_view value);

/// Reads a number of bytes; nothing if malformed.
std::optional<std::uint64_t> parse_content_length(std::string_view value);

/// Reads Retry-After: seconds or an HTTP date. A date in the past is zero; at most a day. Nothing
/// if malformed.
/// @param unix_now wall time in seconds, for dates
std::optional<Duration> parse_retry_after(std::string_view value, std::int64_t unix_now);

/// One header line, taken apart: the name in any case, the value without white space around it.
struct HeaderField {
  std::string_view name;
  std::string_view value;
};
std::optional<HeaderField> parse_header_line(std::string_view line);
bool names_equal(std::string_view a, std::string_view b) noexcept;

/// The status of "HTTP/1.1 206 Partial Content"; nothing if the line is no status line.
std::optional<int> parse_status_line(std::string_view line);

}  // namespace ota::net
