#include "cloud/hub/http/http_date.hpp"

#include <array>
#include <ctime>

namespace ota::hub {
namespace {

constexpr const char* kForm = "%a, %d %b %Y %H:%M:%S GMT";

}  // namespace

std::string to_http_date(std::int64_t unix_seconds) {
  const std::time_t time = unix_seconds;
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  std::array<char, 64> text{};
  std::strftime(text.data(), text.size(), kForm, &parts);
  return text.data();
}

std::optional<std::int64_t> parse_http_date(std::string_view text) {
  const std::string copy(text);
  std::tm parts{};
  const char* end = ::strptime(copy.c_str(), kForm, &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return ::timegm(&parts);
}

}  // namespace ota::hub
