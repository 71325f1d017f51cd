#include "cloud/hub/blob/blob_demands.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "cloud/hub/blob/structured_body.hpp"

namespace ota::hub::blob {
namespace {

/// Beginnings of names. To ignore one is to keep something else than the client believes.
constexpr std::array<std::string_view, 6> kUnsupported = {
    "x-ms-tags",
    "x-ms-encryption-key",
    "x-ms-encryption-scope",
    "x-ms-default-encryption-scope",
    "x-ms-legal-hold",
    "x-ms-immutability-policy-",
};
constexpr std::array<std::string_view, 3> kTiers = {"Hot", "Cool", "Cold"};

BlobError unsupported_header(std::string_view name) {
  return {400, "UnsupportedHeader",
          "This hub does not do what the header " + std::string(name) + " asks for; leave it out."};
}

bool is_write(const BlobRequest& request) {
  return request.head.method != "GET" && request.head.method != "HEAD";
}

/// Whole blobs and blocks can be structured; of other requests nobody would read the structure.
bool knows_structure(const BlobRequest& request) {
  if (request.blob.empty()) return false;
  const std::string comp = request.parameter("comp");
  if (request.head.method == "PUT") return comp.empty() || comp == "block";
  return request.head.method == "GET" && comp.empty();
}

/// "2024-05-17T08:30:00.1234567Z": how the service names snapshots and versions.
bool is_moment(std::string_view text) {
  constexpr std::string_view form = "dddd-dd-ddTdd:dd:dd";
  constexpr std::size_t digits_max = 7;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() <= form.size() || text.back() != 'Z') return false;
  for (std::size_t i = 0; i < form.size(); ++i) {
    if (form[i] == 'd' ? !is_digit(text[i]) : text[i] != form[i]) return false;
  }
  std::string_view fraction = text.substr(form.size(), text.size() - form.size() - 1);
  if (fraction.empty()) return true;
  if (fraction.front() != '.') return false;
  fraction.remove_prefix(1);
  return !fraction.empty() && fraction.size() <= digits_max &&
         std::all_of(fraction.begin(), fraction.end(), is_digit);
}

/// Whether the blob, or else the container, is there.
BlobResult<bool> exists(const BlobStore& store, const BlobRequest& request) {
  if (request.blob.empty()) {
    OTA_TRY(const auto container, store.find_container(request.container));
    return container.has_value();
  }
  OTA_TRY(const auto blob, store.find({request.container, request.blob}));
  return blob.has_value();
}

BlobResult<Ok> check_moment(const BlobStore& store, const BlobRequest& request,
                            const std::string& parameter) {
  const auto [begin, end] = request.query.equal_range(parameter);
  if (begin == end) return Ok{};
  if (!std::all_of(begin, end, [](const auto& field) { return is_moment(field.second); }))
    return blob_error::invalid_query(parameter);
  const bool readable = !request.blob.empty() && request.head.method != "PUT";
  if (!readable) {
    return BlobError{
        400, "InvalidQueryParameterValue",
        "This hub has only the blobs themselves; leave out the query parameter " + parameter + "."};
  }
  OTA_TRY(const auto container, store.find_container(request.container));
  return container ? blob_error::blob_not_found() : blob_error::container_not_found();
}

BlobResult<Ok> check_delete_snapshots(const BlobRequest& request) {
  constexpr const char* name = "x-ms-delete-snapshots";
  if (request.head.method != "DELETE" || !request.has_header(name)) return Ok{};
  const std::string value = request.header(name);
  if (value == "include" || value == "only") return Ok{};
  return blob_error::invalid_header(name);
}

/// A lease is asked for what exists; what does not exist is not found, or made.
BlobResult<Ok> check_lease(const BlobStore& store, const BlobRequest& request) {
  if (!request.has_header("x-ms-lease-id")) return Ok{};
  const bool whole = request.blob.empty();
  const std::string comp = request.parameter("comp");
  const bool makes_container = whole && request.head.method == "PUT" && comp.empty();
  if (makes_container || (whole && comp == "list")) return Ok{};
  OTA_TRY(const bool there, exists(store, request));
  if (!there) return Ok{};
  return BlobError{
      412, whole ? "LeaseNotPresentWithContainerOperation" : "LeaseNotPresentWithBlobOperation",
      std::string("There is currently no lease on the ") + (whole ? "container." : "blob.")};
}

/// No blob has tags, so no condition on them holds.
BlobResult<Ok> check_tags(const BlobStore& store, const BlobRequest& request) {
  if (!request.has_header("x-ms-if-tags")) return Ok{};
  OTA_TRY(const bool there, exists(store, request));
  const std::string comp = request.parameter("comp");
  const bool makes = request.head.method == "PUT" && comp != "metadata" && comp != "properties";
  if (there || makes) return blob_error::condition_not_met();
  return Ok{};
}

}  // namespace

BlobResult<Ok> check_headers(const BlobRequest& request) {
  for (const auto& [field, value] : request.head.headers.all()) {
    const std::string name = lower_case(field);
    const bool unsupported =
        std::any_of(kUnsupported.begin(), kUnsupported.end(),
                    [&name](std::string_view prefix) { return name.starts_with(prefix); });
    if (unsupported) return unsupported_header(name);
    if (name == kStructuredBody && (value != kStructuredForm || !knows_structure(request)))
      return unsupported_header(name);
    if (name == "x-ms-access-tier" && is_write(request) &&
        std::find(kTiers.begin(), kTiers.end(), value) == kTiers.end())
      return blob_error::invalid_header(name);
  }
  return Ok{};
}

BlobResult<Ok> check_demands(const BlobStore& store, const BlobRequest& request) {
  OTA_TRY(check_delete_snapshots(request));
  OTA_TRY(check_moment(store, request, "snapshot"));
  OTA_TRY(check_moment(store, request, "versionid"));
  // It is for what was deleted and is kept; the blob itself is neither.
  if (request.query.contains("deletetype")) return blob_error::invalid_query("deletetype");
  OTA_TRY(check_lease(store, request));
  return check_tags(store, request);
}

}  // namespace ota::hub::blob
