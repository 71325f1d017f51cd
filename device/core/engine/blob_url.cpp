#include "device/core/engine/blob_url.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "base/hex.hpp"

namespace ota::engine {
namespace {

constexpr std::size_t kHashPrefixBytes = 8;

// Takes the last segment off; string_view::substr could throw, which the core has no use for.
std::string_view take_last_segment(std::string_view& path) noexcept {
  std::size_t start = path.size();
  while (start > 0 && path[start - 1] != '/') --start;
  std::string_view segment = path;
  segment.remove_prefix(start);
  path.remove_suffix(path.size() - (start > 0 ? start - 1 : 0));
  return segment;
}

std::optional<std::uint64_t> decimal(std::string_view text) noexcept {
  if (text.empty() || text.size() > 10) return std::nullopt;
  std::uint64_t number = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return std::nullopt;
    number = number * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  return number;
}

}  // namespace

UrlAgreement compare_blob_url(std::string_view url, std::uint32_t version,
                              const Digest& sha256) noexcept {
  const std::string_view name = take_last_segment(url);
  const auto url_version = decimal(take_last_segment(url));
  constexpr std::size_t kPrefixDigits = 2 * kHashPrefixBytes;
  if (!url_version || name.size() <= kPrefixDigits || name[kPrefixDigits] != '-') {
    return UrlAgreement::NotOurForm;
  }
  std::array<std::byte, kHashPrefixBytes> prefix{};
  if (!hex_decode({name.data(), kPrefixDigits}, prefix)) return UrlAgreement::NotOurForm;
  const bool same_hash = std::equal(prefix.begin(), prefix.end(), sha256.begin());
  return *url_version == version && same_hash ? UrlAgreement::Agrees : UrlAgreement::Contradicts;
}

}  // namespace ota::engine
