#pragma once

// Numbers and times as people read them.

#include <cstdint>
#include <string>
#include <string_view>

#include "contract/azure/sas.hpp"

namespace ota::cli {

/// "512 B", "1.5 KiB", "4.0 MiB".
std::string size_text(std::uint64_t bytes);

/// "1,234,567".
std::string grouped_text(std::uint64_t count);

/// How long ago an ISO 8601 time was: "45 s", "3 min", "5 h", "12 d"; "-" if it is none or never.
std::string age_text(std::string_view iso_time, contract::UnixSeconds now);

/// The text, or "-" where there is none: unknown must not look like empty or zero.
std::string or_dash(std::string_view text);

}  // namespace ota::cli
