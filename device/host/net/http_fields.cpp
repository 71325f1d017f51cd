#include "device/host/net/http_fields.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <charconv>
#include <string>

namespace ota::net {
namespace {

constexpr std::int64_t kRetryAfterMax = 24 * 60 * 60;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Digits only: from_chars alone would take a sign.
template <class Number>
std::optional<Number> digits(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::optional<fetch::ContentRange> parse_content_range(std::string_view value) {
  constexpr std::string_view unit = "bytes ";
  if (value.size() < unit.size() || !names_equal(value.substr(0, unit.size()), unit)) {
    return std::nullopt;
  }
  value.remove_prefix(unit.size());
  const std::size_t dash = value.find('-');
  const std::size_t slash = value.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || slash < dash) {
    return std::nullopt;
  }
  const auto first = digits<std::uint64_t>(value.substr(0, dash));
  const auto last = digits<std::uint64_t>(value.substr(dash + 1, slash - dash - 1));
  const auto total = digits<std::uint64_t>(value.substr(slash + 1));
  if (!first || !last || !total || *first > *last || *last >= *total) return std::nullopt;
  return fetch::ContentRange{*first, *last, *total};
}

std::optional<std::uint64_t> parse_content_length(std::string_view value) {
  return digits<std::uint64_t>(value);
}

std::optional<Duration> parse_retry_after(std::string_view value, std::int64_t unix_now) {
  std::int64_t seconds = 0;
  if (!value.empty() && value.find_first_not_of("0123456789") == std::string_view::npos) {
    // More digits than fit mean "very late", not "malformed".
    seconds = digits<std::int64_t>(value).value_or(kRetryAfterMax);
  } else {
    const time_t date = curl_getdate(std::string(value).c_str(), nullptr);
    if (date == -1) return std::nullopt;
    seconds = std::max<std::int64_t>(0, static_cast<std::int64_t>(date) - unix_now);
  }
  return Duration(std::chrono::seconds(std::min(seconds, kRetryAfterMax)));
}

std::optional<HeaderField> parse_header_line(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  const std::string_view name = line.substr(0, colon);
  if (name.find_first_of(" \t") != std::string_view::npos) return std::nullopt;
  return HeaderField{name, trimmed(line.substr(colon + 1))};
}

bool names_equal(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::optional<int> parse_status_line(std::string_view line) {
  if (!line.starts_with("HTTP/")) return std::nullopt;
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || line.size() < space + 4) return std::nullopt;
  const auto status = digits<int>(line.substr(space + 1, 3));
  const bool ends = line.size() == space + 4 ||
                    std::string_view(" \r\n").find(line[space + 4]) != std::string_view::npos;
  if (!status || !ends || *status < 100) return std::nullopt;
  return status;
}

}  // namespace ota::net
