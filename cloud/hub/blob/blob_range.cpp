#include "cloud/hub/blob/blob_range.hpp"

#include <algorithm>
#include <charconv>

#include "cloud/hub/core/http_message.hpp"

namespace ota::hub {
namespace {

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || end != text.data() + text.size()) return std::nullopt;
  return error == std::errc::result_out_of_range ? UINT64_MAX : value;
}

}  // namespace

BlobResult<std::optional<ByteRange>> parse_range(std::string_view header,
                                                 std::uint64_t blob_bytes) {
  constexpr std::string_view unit = "bytes=";
  const std::optional<ByteRange> whole;
  if (!equal_ignoring_case(header.substr(0, unit.size()), unit)) return whole;
  header.remove_prefix(unit.size());
  const std::size_t dash = header.find('-');
  if (dash == std::string_view::npos) return whole;
  const auto first = number(header.substr(0, dash));
  const std::string_view last_text = header.substr(dash + 1);
  const auto last =
      last_text.empty() ? std::optional<std::uint64_t>(UINT64_MAX) : number(last_text);
  if (!first || !last || *first > *last) return whole;
  if (*first >= blob_bytes) {
    return BlobError{416, "InvalidRange",
                     "The range specified is invalid for the current size of the resource.",
                     "bytes */" + std::to_string(blob_bytes)};
  }
  return std::optional<ByteRange>(ByteRange{*first, std::min(*last, blob_bytes - 1)});
}

}  // namespace ota::hub
