#pragma once

// Numbers and times as people read them.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "contract/azure/sas.hpp"

namespace ota::cli {

/// "512 B", "1.5 KiB", "4.0 MiB".
std::string size_text(std::uint64_t bytes);

/// "1,234,567".
std::string grouped_text(std::uint64_t count);

/// The same for a number of devices.
std::string count_text(std::int64_t count);

/// How long ago an ISO 8601 time was: "45 s", "3 min", "5 h", "12 d"; "-" if it is none or never.
std::string age_text(std::string_view iso_time, contract::UnixSeconds now);

/// "45 s", "30 min", "2 h 5 min", "14 d": the two largest units.
std::string duration_text(double seconds);

/// Seconds of "90s", "30m", "2h", "1d" or "90"; nothing for anything else, and for more than a
/// year.
std::optional<std::int64_t> read_duration(std::string_view text);

/// The text, or "-" where there is none: unknown must not look like empty or zero.
std::string or_dash(std::string_view text);

}  // namespace ota::cli
