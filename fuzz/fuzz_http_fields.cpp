// What a server says of a range, a length and a wait: what is accepted lies inside its bounds, and
// reads the same when it is written again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "device/host/net/http_fields.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const auto field = ota::net::parse_header_line(line);
  const std::string_view value = field ? field->value : line;
  const auto range = ota::net::parse_content_range(value);
  if (range && (range->first > range->last || range->last >= range->total)) std::abort();
  const auto wait = ota::net::parse_retry_after(value, 1'000'000'000);
  if (wait && (wait->count() < 0 || *wait > std::chrono::hours(24))) std::abort();
  if (const auto length = ota::net::parse_content_length(value)) {
    if (ota::net::parse_content_length(std::to_string(*length)) != length) std::abort();
  }
  if (const auto status = ota::net::parse_status_line(line)) {
    if (*status < 100 || *status > 999) std::abort();
  }
  if (range) {
    const std::string again = "bytes " + std::to_string(range->first) + "-" +
                              std::to_string(range->last) + "/" + std::to_string(range->total);
    const auto same = ota::net::parse_content_range(again);
    if (!same || same->first != range->first || same->last != range->last) std::abort();
  }
  return 0;
}
