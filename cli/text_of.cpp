#include "cli/text_of.hpp"

#include <algorithm>
#include <array>

namespace ota::cli {

std::string size_text(std::uint64_t bytes) {
  constexpr std::array<const char*, 3> kUnits = {" KiB", " MiB", " GiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  std::size_t unit = 0;
  std::uint64_t scale = 1024;
  while (unit + 1 < kUnits.size() && bytes >= scale * 1024) {
    scale *= 1024;
    ++unit;
  }
  const std::uint64_t tenths = (bytes * 10 + scale / 2) / scale;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + kUnits.at(unit);
}

std::string grouped_text(std::uint64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string age_text(std::string_view iso_time, contract::UnixSeconds now) {
  const auto time = contract::parse_iso8601(iso_time);
  if (!time || *time <= 0) return "-";  // the services write year 1 for never
  const contract::UnixSeconds age = std::max<contract::UnixSeconds>(0, now - *time);
  if (age < 120) return std::to_string(age) + " s";
  if (age < 2 * 3600) return std::to_string(age / 60) + " min";
  if (age < 2 * 86'400) return std::to_string(age / 3600) + " h";
  return std::to_string(age / 86'400) + " d";
}

std::string or_dash(std::string_view text) { return text.empty() ? "-" : std::string(text); }

}  // namespace ota::cli
