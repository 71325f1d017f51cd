// What a server says of a range: whatever is accepted is a range that lies inside its total.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "device/host/net/http_fields.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  (void)ota::net::parse_status_line(line);  // Only crashes count here.
  const auto field = ota::net::parse_header_line(line);
  const std::string_view value = field ? field->value : line;
  const auto range = ota::net::parse_content_range(value);
  if (range && (range->first > range->last || range->last >= range->total)) std::abort();
  const auto wait = ota::net::parse_retry_after(value, 1'000'000'000);
  if (wait && (wait->count() < 0 || *wait > std::chrono::hours(24))) std::abort();
  return 0;
}
