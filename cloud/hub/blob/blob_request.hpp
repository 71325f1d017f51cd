#pragma once

// A request to Blob Storage, taken apart.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cloud/hub/blob/blob_error.hpp"
#include "cloud/hub/http/exchange.hpp"

namespace ota::hub {

using Metadata = std::vector<std::pair<std::string, std::string>>;  // names without "x-ms-meta-"

/// What a request speaks that does not name its version.
inline constexpr std::string_view kDefaultServiceVersion = "2021-12-02";

struct BlobRequest {
  RequestHead head;
  std::string container;                          // decoded; empty: the account
  std::string blob;                               // decoded; empty: the container or account
  std::multimap<std::string, std::string> query;  // lower-case names, decoded values
  std::string request_id;

  std::string parameter(std::string_view name) const;  // empty if absent
  std::string header(std::string_view name) const;     // empty if absent
  bool has_header(std::string_view name) const { return head.headers.find(name).has_value(); }
  /// Errors: names that are no identifiers, as Azure wants them.
  BlobResult<Metadata> metadata() const;
};

/// Errors: malformed escapes, names that Azure does not allow.
BlobResult<BlobRequest> parse_blob_request(RequestHead head, std::string_view account,
                                           std::string request_id);

}  // namespace ota::hub
