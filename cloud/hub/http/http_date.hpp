#pragma once

// Dates of HTTP (RFC 9110, section 5.6.7, the preferred form): "Tue, 01 Jan 2030 00:00:00 GMT".

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ota::hub {

std::string to_http_date(std::int64_t unix_seconds);
std::optional<std::int64_t> parse_http_date(std::string_view text);

}  // namespace ota::hub
