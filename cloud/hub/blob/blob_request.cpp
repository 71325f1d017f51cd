#include "cloud/hub/blob/blob_request.hpp"

#include <algorithm>
#include <cctype>

#include "base/text.hpp"
#include "contract/azure/percent.hpp"

namespace ota::hub {
namespace {

constexpr std::size_t kBlobNameBytesMax = 1024;
constexpr std::size_t kContainerNameBytesMax = 63;

bool is_container_name(std::string_view name) {
  if (name.front() == '-' || name.back() == '-') return false;
  if (name.find("--") != std::string_view::npos) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

/// The bytes of one character, 0 if there is none. Source: RFC 3629, section 4.
std::size_t utf8_bytes(std::string_view text) {
  const auto at = [text](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto follows = [&at](std::size_t i) { return (at(i) & 0xC0U) == 0x80U; };
  const unsigned first = at(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool overlong = first == 0xE0 && at(1) < 0xA0;
    const bool surrogate = first == 0xED && at(1) >= 0xA0;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool overlong = first == 0xF0 && at(1) < 0x90;
    const bool beyond = first == 0xF4 && at(1) >= 0x90;
    return follows(1) && follows(2) && follows(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

/// Bytes that are no UTF-8 text would break the lists, and their order.
bool is_blob_name(std::string_view name) {
  if (name.size() > kBlobNameBytesMax || name.find('\0') != std::string_view::npos) return false;
  while (!name.empty()) {
    const std::size_t bytes = utf8_bytes(name);
    if (bytes == 0) return false;
    name.remove_prefix(bytes);
  }
  return true;
}

bool is_identifier(std::string_view name) {
  if (name.front() >= '0' && name.front() <= '9') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= '0' && c <= '9');
  });
}

BlobError invalid_name(std::string_view what) {
  return {400, "InvalidResourceName", "The " + std::string(what) + " name is not allowed."};
}

BlobResult<Ok> check_container_name(std::string_view name) {
  if (name.empty()) return Ok{};
  if (name.size() > kContainerNameBytesMax) return blob_error::container_name_length();
  if (!is_container_name(name)) return invalid_name("container");
  return Ok{};
}

}  // namespace

std::string BlobRequest::parameter(std::string_view name) const {
  const auto found = query.find(std::string(name));
  return found == query.end() ? std::string() : found->second;
}

std::string BlobRequest::header(std::string_view name) const {
  return std::string(head.headers.find(name).value_or(""));
}

BlobResult<Metadata> BlobRequest::metadata() const {
  constexpr std::string_view prefix = "x-ms-meta-";
  Metadata out;
  for (const auto& [field, value] : head.headers.all()) {
    if (!lower_case(field).starts_with(prefix)) continue;
    const std::string name = field.substr(prefix.size());
    if (name.empty())
      return BlobError{400, "EmptyMetadataKey", "A metadata header ends where its name begins."};
    if (!is_identifier(name)) {
      return BlobError{400, "InvalidMetadata",
                       "The metadata name " + name +
                           " is no identifier: letters, digits and '_', not a digit first."};
    }
    out.emplace_back(name, value);
  }
  return out;
}

BlobResult<BlobRequest> parse_blob_request(RequestHead head, std::string_view account,
                                           std::string request_id) {
  BlobRequest request;
  request.request_id = std::move(request_id);
  std::string_view path = head.path;
  path.remove_prefix(std::min(path.size(), account.size() + 1));
  if (path.starts_with('/')) path.remove_prefix(1);
  const std::size_t slash = path.find('/');
  const auto container = contract::percent_decode(path.substr(0, slash));
  const auto blob =
      contract::percent_decode(slash == std::string_view::npos ? "" : path.substr(slash + 1));
  if (!container) return invalid_name("container");
  OTA_TRY(check_container_name(*container));
  if (!blob || !is_blob_name(*blob)) return invalid_name("blob");
  request.container = *container;
  request.blob = *blob;
  for (const auto& [name, value] : contract::split_bag(head.query)) {
    if (name.empty()) continue;
    const auto decoded = contract::percent_decode(value);
    if (!decoded) return blob_error::invalid_query(name);
    request.query.emplace(lower_case(name), *decoded);
  }
  request.head = std::move(head);
  return request;
}

}  // namespace ota::hub
