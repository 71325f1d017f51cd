#pragma once

// Containers, blobs and blocks of one account: content in files under random names, everything else
// in SQLite. A name from outside never becomes a path.
//
// Order of a write: content file whole and synced, then the row, then the old content removed.
// After a power cut the row names old or new content, and content that no row names is removed at
// the next start. What waits for the disk on the way (settle, assemble, sync_log) may run in
// another thread: it touches no row.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/hub/blob/blob_conditions.hpp"
#include "cloud/hub/blob/blob_error.hpp"
#include "cloud/hub/blob/blob_request.hpp"
#include "cloud/hub/files/durable_file.hpp"
#include "cloud/hub/state/database.hpp"

namespace ota::hub {

struct StoredContainer {
  std::string name;
  BlobVersion version;
  Metadata metadata;
};

/// The fields that a client sets and gets back.
struct BlobFields {
  std::string content_type;
  std::string content_encoding;
  std::string content_language;
  std::string content_disposition;
  std::string cache_control;
  std::string content_md5;  // base64, may be empty
  Metadata metadata;
};

struct StoredBlob {
  std::string name;
  std::string file;  // name of the content file
  std::uint64_t size_bytes = 0;
  std::int64_t created = 0;
  BlobVersion version;
  BlobFields fields;
};

struct BlobKey {
  std::string container;
  std::string blob;
};

struct StoredBlock {
  std::string id;    // base64, as sent
  std::string file;  // uncommitted: its own file; committed: the blob's
  std::uint64_t offset = 0;
  std::uint64_t size_bytes = 0;
};

/// Content on its way in. Goes away without a trace unless it is handed to the store.
struct NewContent {
  std::string file;
  DurableFile part;
  std::uint64_t size_bytes = 0;

  BlobResult<Ok> append(Bytes bytes);
  /// Makes the file durable under its name. Once, before it is handed to the store. @thread any
  BlobResult<Ok> settle();

  /// Removes a settled file that no row names in the end.
  class Unnamed;
  std::shared_ptr<Unnamed> unnamed = {};
};

class BlobStore {
 public:
  static Result<std::unique_ptr<BlobStore>, std::string> open(const std::string& directory,
                                                              std::int64_t now);

  // ---- Containers ----
  BlobResult<std::optional<StoredContainer>> find_container(const std::string& name) const;
  BlobResult<StoredContainer> create_container(const std::string& name, const Metadata& metadata,
                                               std::int64_t now);
  BlobResult<StoredContainer> update_container(const std::string& name, const Metadata& metadata,
                                               std::int64_t now);
  BlobResult<Ok> remove_container(const std::string& name);
  /// Names from `marker` on, with the prefix, in ordinal order; one more than `count` if there are
  /// more.
  BlobResult<std::vector<StoredContainer>> list_containers(const std::string& prefix,
                                                           const std::string& marker,
                                                           std::size_t count) const;

  // ---- Blobs ----
  BlobResult<std::optional<StoredBlob>> find(const BlobKey& key) const;
  /// Blobs whose names begin with the prefix and are not below `from`, in ordinal order, at most
  /// `count`.
  struct ListQuery {
    std::string container;
    std::string prefix;
    std::string from;
    std::size_t count = 0;
    /// Also names that have only uncommitted blocks; such a blob has no file.
    bool uncommitted = false;
  };
  BlobResult<std::vector<StoredBlob>> list(const ListQuery& query) const;
  BlobResult<NewContent> begin_content() const;
  /// The row of settled content. Not durable before sync_log(), and only then may `obsolete` be
  /// dropped.
  struct Put {
    StoredBlob blob;
    std::vector<std::string> obsolete;
  };
  BlobResult<Put> put(const BlobKey& key, NewContent content, BlobFields fields, std::int64_t now,
                      const std::vector<StoredBlock>& blocks = {});
  /// Makes the rows durable that were written before this call. @thread any
  BlobResult<Ok> sync_log() const;
  /// Removes files that no row names. Readers that have the content open go on reading it. What
  /// cannot be removed now is removed at the next start.
  void drop(const std::vector<std::string>& files) const;
  BlobResult<StoredBlob> update_fields(const BlobKey& key, BlobFields fields, std::int64_t now);
  BlobResult<Ok> remove(const BlobKey& key);
  BlobResult<OpenFile> open_content(const std::string& file) const;

  // ---- Blocks ----
  /// The row of a block's settled content, as with put(). Returns the obsolete files.
  BlobResult<std::vector<std::string>> put_block(const BlobKey& key, const std::string& block_id,
                                                 NewContent content, std::int64_t now);
  /// Errors: also when there is no place for another block of this length of id.
  BlobResult<std::vector<std::string>> check_block(const BlobKey& key,
                                                   const std::string& block_id) const;
  BlobResult<std::vector<StoredBlock>> uncommitted_blocks(const BlobKey& key) const;
  BlobResult<std::vector<StoredBlock>> committed_blocks(const BlobKey& key) const;
  /// Content of these blocks, in this order, settled. Errors: InvalidBlockList if one of them has
  /// gone meanwhile. @thread any
  BlobResult<NewContent> assemble(const std::vector<StoredBlock>& blocks) const;
  /// Forgets blocks that nobody has committed for a week.
  BlobResult<Ok> expire_blocks(std::int64_t now);

 private:
  BlobStore(const std::string& directory, Database database)
      : directory_(directory + "/content"),
        log_path_(directory + "/blobs.sqlite-wal"),
        database_(std::move(database)) {}

  BlobResult<Ok> remove_unnamed_content(std::int64_t now);
  BlobResult<std::vector<std::string>> files_of(std::string_view sql, const Values& values) const;
  std::string path_of(const std::string& file) const { return directory_ + "/" + file; }

  std::string directory_;
  std::string log_path_;
  Database database_;
};

}  // namespace ota::hub
