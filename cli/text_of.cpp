#include "cli/text_of.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.hpp"

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

std::string count_text(std::int64_t count) {
  return grouped_text(static_cast<std::uint64_t>(std::max<std::int64_t>(0, count)));
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

std::string duration_text(double seconds) {
  struct Unit {
    const char* name;
    std::int64_t seconds;
  };
  constexpr std::array<Unit, 4> kUnits = {{{" d", 86'400}, {" h", 3600}, {" min", 60}, {" s", 1}}};
  auto left = static_cast<std::int64_t>(std::ceil(std::clamp(seconds, 0.0, 1e15)));
  if (left == 0) return "0 s";
  std::size_t unit = 0;
  while (left < kUnits.at(unit).seconds) ++unit;
  std::string text = std::to_string(left / kUnits.at(unit).seconds) + kUnits.at(unit).name;
  left %= kUnits.at(unit).seconds;
  if (unit + 1 == kUnits.size() || left < kUnits.at(unit + 1).seconds) return text;
  return text + " " + std::to_string(left / kUnits.at(unit + 1).seconds) + kUnits.at(unit + 1).name;
}

std::optional<std::int64_t> read_duration(std::string_view text) {
  constexpr std::int64_t kSecondsMax = 366 * 86'400;
  std::int64_t unit = 1;
  if (!text.empty()) {
    constexpr std::string_view kNames = "smhd";
    constexpr std::array<std::int64_t, 4> kSeconds = {1, 60, 3600, 86'400};
    if (const auto at = kNames.find(text.back()); at != std::string_view::npos) {
      unit = kSeconds.at(at);
      text.remove_suffix(1);
    }
  }
  const auto number = read_number<std::uint32_t>(text);
  if (!number || *number > kSecondsMax / unit) return std::nullopt;
  return *number * unit;
}

std::string or_dash(std::string_view text) { return text.empty() ? "-" : std::string(text); }

}  // namespace ota::cli
