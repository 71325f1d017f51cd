#include "cloud/hub/blob/blob_request.hpp"

#include <algorithm>
#include <cctype>

#include "cloud/hub/core/secrets.hpp"
#include "contract/azure/percent.hpp"

namespace ota::hub {
namespace {

constexpr std::size_t kBlobNameBytesMax = 1024;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

bool is_container_name(std::string_view name) {
  if (name.size() > 63 || name.front() == '-' || name.back() == '-') return false;
  if (name.find("--") != std::string_view::npos) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

/// Bytes that occur in no UTF-8 text would break the lists, and their order.
bool is_blob_name(std::string_view name) {
  return name.size() <= kBlobNameBytesMax && std::none_of(name.begin(), name.end(), [](char c) {
           return c == '\0' || static_cast<unsigned char>(c) >= 0xF8;
         });
}

BlobError invalid_name(std::string_view what) {
  return {400, "InvalidResourceName", "The " + std::string(what) + " name is not allowed."};
}

}  // namespace

std::string BlobRequest::parameter(std::string_view name) const {
  const auto found = query.find(std::string(name));
  return found == query.end() ? std::string() : found->second;
}

std::string BlobRequest::header(std::string_view name) const {
  return std::string(head.headers.find(name).value_or(""));
}

Metadata BlobRequest::metadata() const {
  constexpr std::string_view prefix = "x-ms-meta-";
  Metadata out;
  for (const auto& [name, value] : head.headers.all()) {
    if (lower(name).starts_with(prefix)) out.emplace_back(name.substr(prefix.size()), value);
  }
  return out;
}

BlobResult<BlobRequest> parse_blob_request(RequestHead head, std::string_view account) {
  BlobRequest request;
  request.request_id = random_guid();
  std::string_view path = head.path;
  path.remove_prefix(std::min(path.size(), account.size() + 1));
  if (path.starts_with('/')) path.remove_prefix(1);
  const std::size_t slash = path.find('/');
  const auto container = contract::percent_decode(path.substr(0, slash));
  const auto blob =
      contract::percent_decode(slash == std::string_view::npos ? "" : path.substr(slash + 1));
  if (!container || (!container->empty() && !is_container_name(*container)))
    return invalid_name("container");
  if (!blob || !is_blob_name(*blob)) return invalid_name("blob");
  request.container = *container;
  request.blob = *blob;
  for (const auto& [name, value] : contract::split_bag(head.query)) {
    if (name.empty()) continue;
    const auto decoded = contract::percent_decode(value);
    if (!decoded) return blob_error::invalid_query(name);
    request.query.emplace(lower(name), *decoded);
  }
  request.head = std::move(head);
  return request;
}

}  // namespace ota::hub
