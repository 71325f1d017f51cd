#include "cloud/hub/blob/blob_conditions.hpp"

#include <optional>
#include <string_view>

#include "cloud/hub/http/http_date.hpp"

namespace ota::hub {
namespace {

std::string_view unquoted(std::string_view tag) {
  while (tag.starts_with(' ')) tag.remove_prefix(1);
  while (tag.ends_with(' ')) tag.remove_suffix(1);
  if (tag.starts_with("W/")) tag.remove_prefix(2);
  if (tag.size() >= 2 && tag.starts_with('"') && tag.ends_with('"'))
    tag = tag.substr(1, tag.size() - 2);
  return tag;
}

/// Tags without quotes are accepted, as the service's clients send both forms.
bool names(std::string_view list, const BlobVersion* current) {
  if (current == nullptr) return false;
  while (true) {
    const std::size_t comma = list.find(',');
    const std::string_view tag = unquoted(list.substr(0, comma));
    if (tag == "*" || tag == unquoted(current->etag)) return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
}

BlobResult<Ok> check_dates(const BlobRequest& request) {
  for (const char* header : {"If-Modified-Since", "If-Unmodified-Since"}) {
    if (request.has_header(header) && !parse_http_date(request.header(header)))
      return blob_error::invalid_header(header);
  }
  return Ok{};
}

bool modified_since(const BlobRequest& request, std::string_view header, const BlobVersion& current,
                    bool otherwise) {
  const auto date = parse_http_date(request.header(header));
  return date ? current.modified > *date : otherwise;
}

/// If-Match, or else If-Unmodified-Since.
BlobResult<Ok> check_match(const BlobRequest& request, const BlobVersion* current) {
  OTA_TRY(check_dates(request));
  if (request.has_header("If-Match")) {
    if (!names(request.header("If-Match"), current)) return blob_error::condition_not_met();
  } else if (current != nullptr &&
             modified_since(request, "If-Unmodified-Since", *current, false)) {
    return blob_error::condition_not_met();
  }
  return Ok{};
}

BlobError not_modified() { return {304, "ConditionNotMet", ""}; }

}  // namespace

BlobResult<Ok> check_read_conditions(const BlobRequest& request, const BlobVersion* current) {
  OTA_TRY(check_match(request, current));
  if (request.has_header("If-None-Match")) {
    if (unquoted(request.header("If-None-Match")) == "*") {
      return BlobError{400, "UnsatisfiableCondition",
                       "If-None-Match: * makes no sense for a read."};
    }
    if (names(request.header("If-None-Match"), current)) return not_modified();
  } else if (current != nullptr && !modified_since(request, "If-Modified-Since", *current, true)) {
    return not_modified();
  }
  return Ok{};
}

BlobResult<Ok> check_write_conditions(const BlobRequest& request, const BlobVersion* current) {
  OTA_TRY(check_match(request, current));
  if (request.has_header("If-None-Match")) {
    if (!names(request.header("If-None-Match"), current)) return Ok{};
    if (unquoted(request.header("If-None-Match")) == "*") {
      return BlobError{409, "BlobAlreadyExists", "The specified blob already exists."};
    }
    return blob_error::condition_not_met();
  }
  if (current != nullptr && !modified_since(request, "If-Modified-Since", *current, true)) {
    return blob_error::condition_not_met();
  }
  return Ok{};
}

}  // namespace ota::hub
