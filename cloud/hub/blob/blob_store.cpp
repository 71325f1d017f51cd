#include "cloud/hub/blob/blob_store.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

#include "cloud/hub/core/secrets.hpp"
#include "contract/azure/percent.hpp"

namespace ota::hub {
namespace {

constexpr std::int64_t kUncommittedLife_s = 7 * 24 * 60 * 60;
constexpr std::size_t kCopyBytes = 256 * 1024;
constexpr std::size_t kUncommittedBlocksMax = 100'000;

constexpr std::array<std::string_view, 1> kSchema = {R"sql(
  CREATE TABLE containers (
    name TEXT PRIMARY KEY, etag TEXT NOT NULL, modified INTEGER NOT NULL, metadata TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE blobs (
    container TEXT NOT NULL, name TEXT NOT NULL, file TEXT NOT NULL, size INTEGER NOT NULL,
    created INTEGER NOT NULL, etag TEXT NOT NULL, modified INTEGER NOT NULL,
    content_type TEXT NOT NULL, content_encoding TEXT NOT NULL, content_language TEXT NOT NULL,
    content_disposition TEXT NOT NULL, cache_control TEXT NOT NULL, content_md5 TEXT NOT NULL,
    metadata TEXT NOT NULL, PRIMARY KEY (container, name)
  ) WITHOUT ROWID;
  CREATE TABLE uncommitted (
    container TEXT NOT NULL, blob TEXT NOT NULL, id TEXT NOT NULL, file TEXT NOT NULL,
    size INTEGER NOT NULL, created INTEGER NOT NULL, PRIMARY KEY (container, blob, id)
  ) WITHOUT ROWID;
  CREATE TABLE committed (
    container TEXT NOT NULL, blob TEXT NOT NULL, position INTEGER NOT NULL, id TEXT NOT NULL,
    offset INTEGER NOT NULL, size INTEGER NOT NULL, PRIMARY KEY (container, blob, position)
  ) WITHOUT ROWID;
)sql"};

constexpr std::string_view kBlobColumns =
    "name, file, size, created, etag, modified, content_type, content_encoding, content_language, "
    "content_disposition, "
    "cache_control, content_md5, metadata";

BlobError of(const Failure& failure) {
  return failure.no_space ? blob_error::no_space(failure.message)
                          : blob_error::internal(failure.message);
}

/// OTA_TRY for the outcomes of the database.
template <class T>
BlobResult<T> checked(Outcome<T> outcome) {
  if (!outcome) return of(outcome.error());
  return std::move(outcome).value();
}

template <class T>
BlobResult<T> checked(FileResult<T> result) {
  if (!result) return blob_error::of(result.error());
  return std::move(result).value();
}

std::string new_etag() { return "\"0x8D" + random_hex(13) + "\""; }

std::string encode(const Metadata& metadata) {
  std::string out;
  for (const auto& [name, value] : metadata) {
    out += (out.empty() ? "" : "&") + contract::percent_encode(name) + "=" +
           contract::percent_encode(value);
  }
  return out;
}

Metadata decode(const std::string& text) {
  Metadata out;
  if (text.empty()) return out;
  for (const auto& [name, value] : contract::split_bag(text)) {
    out.emplace_back(contract::percent_decode(name).value_or(""),
                     contract::percent_decode(value).value_or(""));
  }
  return out;
}

StoredBlob blob_of(const Statement& row) {
  StoredBlob blob;
  blob.name = row.text(0);
  blob.file = row.text(1);
  blob.size_bytes = static_cast<std::uint64_t>(row.integer(2));
  blob.created = row.integer(3);
  blob.version = {row.text(4), row.integer(5)};
  blob.fields = {row.text(6),  row.text(7),  row.text(8),         row.text(9),
                 row.text(10), row.text(11), decode(row.text(12))};
  return blob;
}

StoredContainer container_of(const Statement& row) {
  return {row.text(0), {row.text(1), row.integer(2)}, decode(row.text(3))};
}

/// Rows are durable by sync_log(), in another thread, and not by the commit: while this lives.
class Unsynced {
 public:
  explicit Unsynced(const Database& database) : database_(database) {
    (void)database_.run_script("PRAGMA synchronous=NORMAL");  // FULL is safe, only slower.
  }
  Unsynced(const Unsynced&) = delete;
  Unsynced& operator=(const Unsynced&) = delete;
  ~Unsynced() { (void)database_.run_script("PRAGMA synchronous=FULL"); }

 private:
  const Database& database_;
};

/// Appends part of a file.
BlobResult<Ok> copy_content(const OpenFile& from, const StoredBlock& block, NewContent& to) {
  std::vector<std::byte> piece(kCopyBytes);
  for (std::uint64_t done = 0; done < block.size_bytes;) {
    const std::size_t wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), block.size_bytes - done));
    const ssize_t size =
        ::pread(from.get(), piece.data(), wanted, static_cast<off_t>(block.offset + done));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return blob_error::internal("block " + block.file + " is shorter than recorded");
    OTA_TRY(to.append(Bytes(piece).first(static_cast<std::size_t>(size))));
    done += static_cast<std::uint64_t>(size);
  }
  return Ok{};
}

}  // namespace

/// A whole content file that no row names yet; goes away unless one does in the end.
class NewContent::Unnamed {
 public:
  explicit Unnamed(std::string path) : path_(std::move(path)) {}
  Unnamed(const Unnamed&) = delete;
  Unnamed& operator=(const Unnamed&) = delete;
  ~Unnamed() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  void keep() { path_.clear(); }

 private:
  std::string path_;
};

BlobResult<Ok> NewContent::append(Bytes bytes) {
  OTA_TRY(checked(part.append(bytes)));
  size_bytes += bytes.size();
  return Ok{};
}

BlobResult<Ok> NewContent::settle() {
  OTA_TRY(checked(part.commit()));
  unnamed = std::make_shared<Unnamed>(part.path());
  return Ok{};
}

Result<std::unique_ptr<BlobStore>, std::string> BlobStore::open(const std::string& directory,
                                                                std::int64_t now) {
  const std::string content = directory + "/content";
  if (const auto made = make_private_directory(content); !made) return made.error().message;
  auto database = Database::open(directory + "/blobs.sqlite");
  if (!database) return database.error().message;
  // Rows name files, and old files are removed after the commit: so the commit must be on the disk
  // first.
  if (const auto set = database.value().run_script("PRAGMA synchronous=FULL"); !set)
    return set.error().message;
  if (const auto migrated = database.value().migrate(kSchema); !migrated)
    return migrated.error().message;
  std::unique_ptr<BlobStore> store(new BlobStore(directory, std::move(database).value()));
  if (const auto removed = store->remove_unnamed_content(now); !removed)
    return removed.error().message;
  return store;
}

BlobResult<Ok> BlobStore::remove_unnamed_content(std::int64_t now) {
  OTA_TRY(expire_blocks(now));
  OTA_TRY(const auto named,
          files_of("SELECT file FROM blobs UNION SELECT file FROM uncommitted", {}));
  const std::set<std::string> keep(named.begin(), named.end());
  std::error_code code;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, code)) {
    const std::string file = entry.path().filename().string();
    if (!keep.contains(file)) drop({file});
  }
  return Ok{};
}

BlobResult<std::vector<std::string>> BlobStore::files_of(std::string_view sql,
                                                         const Values& values) const {
  std::vector<std::string> files;
  OTA_TRY(auto rows, checked(database_.query(sql, values)));
  while (true) {
    OTA_TRY(const bool more, checked(rows.step()));
    if (!more) return files;
    files.push_back(rows.text(0));
  }
}

void BlobStore::drop(const std::vector<std::string>& files) const {
  for (const std::string& file : files) ::unlink(path_of(file).c_str());
}

// ---- Containers ----

BlobResult<std::optional<StoredContainer>> BlobStore::find_container(
    const std::string& name) const {
  OTA_TRY(auto rows,
          checked(database_.query(
              "SELECT name, etag, modified, metadata FROM containers WHERE name = ?", {name})));
  OTA_TRY(const bool found, checked(rows.step()));
  if (!found) return std::optional<StoredContainer>();
  return std::optional<StoredContainer>(container_of(rows));
}

BlobResult<StoredContainer> BlobStore::create_container(const std::string& name,
                                                        const Metadata& metadata,
                                                        std::int64_t now) {
  OTA_TRY(const auto existing, find_container(name));
  if (existing)
    return BlobError{409, "ContainerAlreadyExists", "The specified container already exists."};
  StoredContainer container{name, {new_etag(), now}, metadata};
  OTA_TRY(checked(database_.execute("INSERT INTO containers VALUES (?, ?, ?, ?)",
                                    {name, container.version.etag, now, encode(metadata)})));
  return container;
}

BlobResult<StoredContainer> BlobStore::update_container(const std::string& name,
                                                        const Metadata& metadata,
                                                        std::int64_t now) {
  StoredContainer container{name, {new_etag(), now}, metadata};
  OTA_TRY(const auto changed,
          checked(database_.execute(
              "UPDATE containers SET etag = ?, modified = ?, metadata = ? WHERE name = ?",
              {container.version.etag, now, encode(metadata), name})));
  if (changed == 0) return blob_error::container_not_found();
  return container;
}

BlobResult<Ok> BlobStore::remove_container(const std::string& name) {
  OTA_TRY(const auto files,
          files_of("SELECT file FROM blobs WHERE container = ? UNION SELECT file FROM uncommitted "
                   "WHERE container = ?",
                   {name, name}));
  OTA_TRY(auto transaction, checked(Transaction::begin(database_)));
  OTA_TRY(const auto removed,
          checked(database_.execute("DELETE FROM containers WHERE name = ?", {name})));
  if (removed == 0) return blob_error::container_not_found();
  for (const char* table : {"blobs", "uncommitted", "committed"}) {
    OTA_TRY(checked(
        database_.execute("DELETE FROM " + std::string(table) + " WHERE container = ?", {name})));
  }
  OTA_TRY(checked(transaction.commit()));
  drop(files);
  return Ok{};
}

BlobResult<std::vector<StoredContainer>> BlobStore::list_containers(const std::string& prefix,
                                                                    const std::string& marker,
                                                                    std::size_t count) const {
  std::vector<StoredContainer> out;
  OTA_TRY(auto rows, checked(database_.query(
                         "SELECT name, etag, modified, metadata FROM containers WHERE name >= ? "
                         "ORDER BY name",
                         {std::max(prefix, marker)})));
  while (out.size() < count) {
    OTA_TRY(const bool more, checked(rows.step()));
    if (!more || !rows.text(0).starts_with(prefix)) break;
    out.push_back(container_of(rows));
  }
  return out;
}

// ---- Blobs ----

BlobResult<std::optional<StoredBlob>> BlobStore::find(const BlobKey& key) const {
  OTA_TRY(auto rows, checked(database_.query("SELECT " + std::string(kBlobColumns) +
                                                 " FROM blobs WHERE container = ? AND name = ?",
                                             {key.container, key.blob})));
  OTA_TRY(const bool found, checked(rows.step()));
  if (!found) return std::optional<StoredBlob>();
  return std::optional<StoredBlob>(blob_of(rows));
}

BlobResult<std::vector<StoredBlob>> BlobStore::list(const ListQuery& query) const {
  std::vector<StoredBlob> out;
  std::string sql =
      "SELECT " + std::string(kBlobColumns) + " FROM blobs WHERE container = ?1 AND name >= ?2";
  if (query.uncommitted) {
    // Only a commit makes version, time and fields.
    sql +=
        " UNION ALL SELECT DISTINCT blob, '', 0, 0, '', 0, '', '', '', '', '', '', '' "
        "FROM uncommitted WHERE container = ?1 AND blob >= ?2 AND NOT EXISTS "
        "(SELECT 1 FROM blobs WHERE container = ?1 AND name = uncommitted.blob)";
  }
  OTA_TRY(auto rows,
          checked(database_.query(sql + " ORDER BY name",
                                  {query.container, std::max(query.prefix, query.from)})));
  while (out.size() < query.count) {
    OTA_TRY(const bool more, checked(rows.step()));
    if (!more || !rows.text(0).starts_with(query.prefix)) break;
    out.push_back(blob_of(rows));
  }
  return out;
}

BlobResult<NewContent> BlobStore::begin_content() const {
  std::string file = random_hex(32);
  OTA_TRY(DurableFile part, checked(DurableFile::create(path_of(file), 0600)));
  return NewContent{.file = std::move(file), .part = std::move(part)};
}

BlobResult<BlobStore::Put> BlobStore::put(const BlobKey& key, NewContent content, BlobFields fields,
                                          std::int64_t now,
                                          const std::vector<StoredBlock>& blocks) {
  OTA_ASSERT(content.unnamed != nullptr);
  OTA_TRY(const auto previous, find(key));
  OTA_TRY(auto obsolete, files_of("SELECT file FROM uncommitted WHERE container = ? AND blob = ?",
                                  {key.container, key.blob}));
  if (previous) obsolete.push_back(previous->file);
  StoredBlob blob{key.blob,           content.file,
                  content.size_bytes, previous ? previous->created : now,
                  {new_etag(), now},  std::move(fields)};
  const Unsynced unsynced(database_);
  OTA_TRY(auto transaction, checked(Transaction::begin(database_)));
  const BlobFields& f = blob.fields;
  OTA_TRY(checked(database_.execute(
      "INSERT OR REPLACE INTO blobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {key.container, key.blob, blob.file, blob.size_bytes, blob.created, blob.version.etag, now,
       f.content_type, f.content_encoding, f.content_language, f.content_disposition,
       f.cache_control, f.content_md5, encode(f.metadata)})));
  for (const char* table : {"uncommitted", "committed"}) {
    OTA_TRY(checked(
        database_.execute("DELETE FROM " + std::string(table) + " WHERE container = ? AND blob = ?",
                          {key.container, key.blob})));
  }
  std::uint64_t offset = 0;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    OTA_TRY(checked(database_.execute(
        "INSERT INTO committed VALUES (?, ?, ?, ?, ?, ?)",
        {key.container, key.blob, std::uint64_t{i}, blocks[i].id, offset, blocks[i].size_bytes})));
    offset += blocks[i].size_bytes;
  }
  OTA_TRY(checked(transaction.commit()));
  content.unnamed->keep();
  return Put{std::move(blob), std::move(obsolete)};
}

BlobResult<Ok> BlobStore::sync_log() const {
  // A checkpoint that has emptied the log meanwhile has made its rows durable.
  const OpenFile log(::open(log_path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (log && ::fdatasync(log.get()) == 0) return Ok{};
  return blob_error::internal("cannot sync " + log_path_ + ": " + std::strerror(errno));
}

BlobResult<StoredBlob> BlobStore::update_fields(const BlobKey& key, BlobFields fields,
                                                std::int64_t now) {
  OTA_TRY(auto blob, find(key));
  if (!blob) return blob_error::blob_not_found();
  blob->version = {new_etag(), now};
  blob->fields = std::move(fields);
  const BlobFields& f = blob->fields;
  OTA_TRY(checked(database_.execute(
      "UPDATE blobs SET etag = ?, modified = ?, content_type = ?, content_encoding = ?, "
      "content_language = ?, content_disposition = ?, cache_control = ?, content_md5 = ?, "
      "metadata = ? WHERE container = ? AND name = ?",
      {blob->version.etag, now, f.content_type, f.content_encoding, f.content_language,
       f.content_disposition, f.cache_control, f.content_md5, encode(f.metadata), key.container,
       key.blob})));
  return std::move(*blob);
}

BlobResult<Ok> BlobStore::remove(const BlobKey& key) {
  OTA_TRY(const auto blob, find(key));
  if (!blob) return blob_error::blob_not_found();
  OTA_TRY(auto transaction, checked(Transaction::begin(database_)));
  OTA_TRY(checked(database_.execute("DELETE FROM blobs WHERE container = ? AND name = ?",
                                    {key.container, key.blob})));
  OTA_TRY(checked(database_.execute("DELETE FROM committed WHERE container = ? AND blob = ?",
                                    {key.container, key.blob})));
  OTA_TRY(checked(transaction.commit()));
  drop({blob->file});
  return Ok{};
}

BlobResult<OpenFile> BlobStore::open_content(const std::string& file) const {
  OpenFile opened(::open(path_of(file).c_str(), O_RDONLY | O_CLOEXEC));
  if (!opened)
    return blob_error::internal("cannot open " + path_of(file) + ": " + std::strerror(errno));
  return opened;
}

// ---- Blocks ----

BlobResult<std::vector<std::string>> BlobStore::check_block(const BlobKey& key,
                                                            const std::string& block_id) const {
  OTA_TRY(const auto blocks, uncommitted_blocks(key));
  std::vector<std::string> replaced;
  for (const StoredBlock& block : blocks) {
    if (block.id == block_id) replaced.push_back(block.file);
    if (block.id.size() != block_id.size()) {
      return BlobError{400, "InvalidBlobOrBlock",
                       "All block ids of a blob must have the same length."};
    }
  }
  if (blocks.size() >= kUncommittedBlocksMax) {
    return BlobError{409, "BlockCountExceedsLimit", "The blob has too many uncommitted blocks."};
  }
  return replaced;
}

BlobResult<std::vector<std::string>> BlobStore::put_block(const BlobKey& key,
                                                          const std::string& block_id,
                                                          NewContent content, std::int64_t now) {
  OTA_ASSERT(content.unnamed != nullptr);
  OTA_TRY(auto replaced, check_block(key, block_id));
  const Unsynced unsynced(database_);
  OTA_TRY(checked(database_.execute(
      "INSERT OR REPLACE INTO uncommitted VALUES (?, ?, ?, ?, ?, ?)",
      {key.container, key.blob, block_id, content.file, content.size_bytes, now})));
  content.unnamed->keep();
  return replaced;
}

BlobResult<std::vector<StoredBlock>> BlobStore::uncommitted_blocks(const BlobKey& key) const {
  std::vector<StoredBlock> out;
  OTA_TRY(auto rows, checked(database_.query(
                         "SELECT id, file, size FROM uncommitted WHERE container = ? AND blob = ? "
                         "ORDER BY id",
                         {key.container, key.blob})));
  while (true) {
    OTA_TRY(const bool more, checked(rows.step()));
    if (!more) return out;
    out.push_back({rows.text(0), rows.text(1), 0, static_cast<std::uint64_t>(rows.integer(2))});
  }
}

BlobResult<std::vector<StoredBlock>> BlobStore::committed_blocks(const BlobKey& key) const {
  std::vector<StoredBlock> out;
  OTA_TRY(const auto blob, find(key));
  if (!blob) return out;
  OTA_TRY(auto rows, checked(database_.query(
                         "SELECT id, offset, size FROM committed WHERE container = ? AND blob = ? "
                         "ORDER BY position",
                         {key.container, key.blob})));
  while (true) {
    OTA_TRY(const bool more, checked(rows.step()));
    if (!more) return out;
    out.push_back({rows.text(0), blob->file, static_cast<std::uint64_t>(rows.integer(1)),
                   static_cast<std::uint64_t>(rows.integer(2))});
  }
}

BlobResult<NewContent> BlobStore::assemble(const std::vector<StoredBlock>& blocks) const {
  OTA_TRY(NewContent content, begin_content());
  for (const StoredBlock& block : blocks) {
    const OpenFile from(::open(path_of(block.file).c_str(), O_RDONLY | O_CLOEXEC));
    if (!from && errno == ENOENT) return blob_error::invalid_block_list();
    if (!from)
      return blob_error::internal("cannot open a block: " + std::string(std::strerror(errno)));
    OTA_TRY(copy_content(from, block, content));
  }
  OTA_TRY(content.settle());
  return content;
}

BlobResult<Ok> BlobStore::expire_blocks(std::int64_t now) {
  const std::int64_t oldest = now - kUncommittedLife_s;
  OTA_TRY(const auto files, files_of("SELECT file FROM uncommitted WHERE created < ?", {oldest}));
  if (files.empty()) return Ok{};
  OTA_TRY(checked(database_.execute("DELETE FROM uncommitted WHERE created < ?", {oldest})));
  drop(files);
  return Ok{};
}

}  // namespace ota::hub
