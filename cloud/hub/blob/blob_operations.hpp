#pragma once

// What the service does for a request that may do it. Internal to this folder.

#include <memory>

#include "cloud/hub/blob/blob_error.hpp"
#include "cloud/hub/blob/blob_request.hpp"
#include "cloud/hub/blob/blob_store.hpp"

namespace ota::hub::blob {

inline constexpr std::uint64_t kPutBlobBytesMax = 5000ULL * 1024 * 1024;
inline constexpr std::uint64_t kBlockBytesMax = 4000ULL * 1024 * 1024;
inline constexpr std::uint64_t kBlockListBytesMax = 16ULL * 1024 * 1024;
inline constexpr std::size_t kBlocksMax = 50'000;
inline constexpr std::size_t kListResultsMax = 5000;
inline constexpr std::uint64_t kRangeDigestBytesMax = 4ULL * 1024 * 1024;

/// The request and what it works on.
struct Job {
  BlobStore& store;
  const BlobRequest& request;
  std::int64_t now = 0;

  BlobKey key() const { return {request.container, request.blob}; }
};

/// An upload whose content is still coming. After it complete, settle, store, and
/// BlobStore::sync_log follow each other, and then what is obsolete is dropped.
class Upload {
 public:
  virtual ~Upload() = default;
  virtual BlobResult<Ok> take(Bytes piece) = 0;
  /// The content is all there: is it what was announced?
  virtual BlobResult<Ok> complete() = 0;
  /// Makes the content durable. @thread the disk's
  virtual BlobResult<Ok> settle() = 0;
  /// Writes the rows.
  struct Stored {
    Reply reply;
    std::vector<std::string> obsolete;
  };
  virtual BlobResult<Stored> store(std::int64_t now) = 0;
};

// ---- Reads ----
BlobResult<Reply> account_information();
BlobResult<Reply> service_properties();
BlobResult<Reply> list_containers(const Job& job);
BlobResult<Reply> container_properties(const Job& job);
BlobResult<Reply> container_policies(const Job& job);  // there are none
BlobResult<Reply> list_blobs(const Job& job);
BlobResult<Reply> get_blob(const Job& job);  // GET and HEAD
BlobResult<Reply> get_metadata(const Job& job);
BlobResult<Reply> get_block_list(const Job& job);

// ---- Writes without content ----
BlobResult<Reply> create_container(const Job& job);
BlobResult<Reply> delete_container(const Job& job);
BlobResult<Reply> set_container_metadata(const Job& job);
BlobResult<Reply> set_metadata(const Job& job);
BlobResult<Reply> set_properties(const Job& job);
BlobResult<Reply> delete_blob(const Job& job);

// ---- Uploads; the request moves into them ----
BlobResult<std::unique_ptr<Upload>> begin_put_blob(BlobStore& store, BlobRequest request);
BlobResult<std::unique_ptr<Upload>> begin_put_block(BlobStore& store, BlobRequest request);
BlobResult<std::unique_ptr<Upload>> begin_put_block_list(BlobStore& store, BlobRequest request);

void add_version(Reply& reply, const BlobVersion& version);

}  // namespace ota::hub::blob
