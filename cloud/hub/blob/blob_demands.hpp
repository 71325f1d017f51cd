#pragma once

// What a request demands beside its operation, for all operations in one place: a demand that this
// hub cannot meet is refused, never ignored.

#include "cloud/hub/blob/blob_error.hpp"
#include "cloud/hub/blob/blob_request.hpp"
#include "cloud/hub/blob/blob_store.hpp"

namespace ota::hub::blob {

/// Headers that ask for what this hub does not have: tags, keys of the client, holds ...
BlobResult<Ok> check_headers(const BlobRequest& request);

/// Leases, tags, snapshots and versions: none exist, so whatever names one names nothing.
/// Only for those who may do what they ask for; the answer says what exists.
BlobResult<Ok> check_demands(const BlobStore& store, const BlobRequest& request);

}  // namespace ota::hub::blob
