#pragma once

// If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since.
// Source: "Specifying conditional headers for Blob service operations"; details follow Azurite.

#include <cstdint>
#include <string>

#include "cloud/hub/blob/blob_error.hpp"
#include "cloud/hub/blob/blob_request.hpp"

namespace ota::hub {

/// What conditions are compared with; null where there is no blob.
struct BlobVersion {
  std::string etag;  // with quotes
  std::int64_t modified = 0;
};

BlobResult<Ok> check_read_conditions(const BlobRequest& request, const BlobVersion* current);
BlobResult<Ok> check_write_conditions(const BlobRequest& request, const BlobVersion* current);

}  // namespace ota::hub
