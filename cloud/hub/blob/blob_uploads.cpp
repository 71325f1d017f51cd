#include <algorithm>
#include <map>
#include <utility>

#include "base/encoding.hpp"
#include "base/text.hpp"
#include "cloud/hub/blob/blob_conditions.hpp"
#include "cloud/hub/blob/blob_operations.hpp"
#include "cloud/hub/blob/blob_xml.hpp"
#include "cloud/hub/blob/crc64.hpp"
#include "cloud/hub/blob/md5.hpp"
#include "cloud/hub/blob/structured_body.hpp"

namespace ota::hub::blob {
namespace {

constexpr std::size_t kBlockIdBytesMax = 64;
constexpr const char* kCrc64Header = "x-ms-content-crc64";

BlobKey key_of(const BlobRequest& request) { return {request.container, request.blob}; }

/// "x-ms-blob-content-type" and its like say what is stored; with Put Blob the plain fields do too.
BlobResult<BlobFields> fields_of(const BlobRequest& request, bool plain_fields_count) {
  const auto field = [&](const std::string& special, const char* plain) {
    const std::string value = request.header(special);
    return value.empty() && plain_fields_count ? request.header(plain) : value;
  };
  BlobFields fields;
  fields.content_type = field("x-ms-blob-content-type", "Content-Type");
  if (fields.content_type.empty()) fields.content_type = "application/octet-stream";
  fields.content_encoding = field("x-ms-blob-content-encoding", "Content-Encoding");
  fields.content_language = field("x-ms-blob-content-language", "Content-Language");
  fields.content_disposition = field("x-ms-blob-content-disposition", "Content-Disposition");
  fields.cache_control = field("x-ms-blob-cache-control", "Cache-Control");
  fields.content_md5 = request.header("x-ms-blob-content-md5");
  OTA_TRY(fields.metadata, request.metadata());
  return fields;
}

BlobResult<Ok> check_place(const BlobStore& store, const BlobRequest& request) {
  OTA_TRY(const auto container, store.find_container(request.container));
  if (!container) return blob_error::container_not_found();
  return Ok{};
}

/// Asked before the content comes, so that nobody uploads in vain, and again at the end, when it
/// counts.
BlobResult<Ok> check_conditions(const BlobStore& store, const BlobRequest& request) {
  OTA_TRY(check_place(store, request));
  OTA_TRY(const auto current, store.find(key_of(request)));
  return check_write_conditions(request, current ? &current->version : nullptr);
}

BlobResult<Ok> check_blob_type(const BlobRequest& request) {
  if (!request.has_header("x-ms-blob-type")) {
    return BlobError{400, "MissingRequiredHeader", "The header x-ms-blob-type is missing."};
  }
  if (request.header("x-ms-blob-type") == "BlockBlob") return Ok{};
  return BlobError{400, "InvalidHeaderValue", "This hub has only blobs of the type BlockBlob."};
}

BlobError too_large(std::uint64_t bytes_max) {
  return {413, "RequestBodyTooLarge",
          "The request body is larger than " + std::to_string(bytes_max) + " bytes."};
}

BlobResult<Ok> check_md5(const BlobRequest& request, const std::string& computed) {
  const std::string sent = request.header("Content-MD5");
  if (sent.empty() || sent == computed) return Ok{};
  const auto decoded = from_base64(sent);
  if (!decoded || decoded->size() != 16)
    return BlobError{400, "InvalidMd5", "Content-MD5 is no MD5 in base64."};
  return blob_error::md5_mismatch();
}

/// Of what the client may say about its content, what is wrong before the content comes.
BlobResult<Ok> check_announced(const BlobRequest& request) {
  if (!request.has_header(kCrc64Header)) return Ok{};
  if (request.has_header("Content-MD5")) {
    return BlobError{400, "BothCrc64AndMd5HeaderPresent",
                     "Send either Content-MD5 or x-ms-content-crc64, not both."};
  }
  const auto decoded = from_base64(request.header(kCrc64Header));
  if (!decoded || decoded->size() != sizeof(std::uint64_t))
    return blob_error::invalid_header(kCrc64Header);
  return Ok{};
}

/// The digests of a body: MD5 always, CRC-64 for those who sent theirs.
class Digests {
 public:
  explicit Digests(const BlobRequest& request) {
    if (request.has_header(kCrc64Header)) crc64_.emplace();
  }

  void update(Bytes piece) {
    md5_.update(piece);
    if (crc64_) crc64_->update(piece);
  }

  /// Are they what the client sent?
  BlobResult<Ok> finish(const BlobRequest& request) {
    md5_text_ = md5_.finish();
    OTA_TRY(check_md5(request, md5_text_));
    if (crc64_ && crc64_->text() != request.header(kCrc64Header))
      return blob_error::crc64_mismatch();
    return Ok{};
  }

  const std::string& md5() const { return md5_text_; }
  void add_to(Reply& reply) const {
    reply.headers.add("Content-MD5", md5_text_);
    if (crc64_) reply.headers.add(kCrc64Header, crc64_->text());
  }

 private:
  Md5 md5_;
  std::optional<Crc64> crc64_;
  std::string md5_text_;
};

/// Who reads the content out of a structured body, if it is one.
BlobResult<std::optional<StructuredReader>> structure_of(const BlobRequest& request) {
  const std::optional<StructuredReader> plain;
  if (!request.has_header(kStructuredBody)) return plain;
  const auto bytes = read_number<std::uint64_t>(request.header(kStructuredLength));
  if (!bytes) return blob_error::invalid_header(kStructuredLength);
  for (const char* digest : {"Content-MD5", kCrc64Header}) {
    if (request.has_header(digest)) {
      return BlobError{
          400, "InvalidHeaderValue",
          "A structured body has its own digests; leave out " + std::string(digest) + "."};
    }
  }
  return std::optional<StructuredReader>(*bytes);
}

Reply created(const BlobRequest& request, const BlobVersion* version, const Digests& digests) {
  Reply reply;
  reply.status = 201;
  if (version != nullptr) add_version(reply, *version);
  digests.add_to(reply);
  if (request.has_header(kStructuredBody))
    reply.headers.add(kStructuredBody, std::string(kStructuredForm));
  reply.headers.add("x-ms-request-server-encrypted", "true");
  return reply;
}

/// Content that goes to a file of its own while it arrives.
class FileUpload : public Upload {
 public:
  struct Parts {
    BlobStore& store;
    BlobRequest request;
    NewContent content;
    std::optional<StructuredReader> structure;
    std::uint64_t bytes_max = 0;
  };
  explicit FileUpload(Parts parts)
      : store_(parts.store),
        request_(std::move(parts.request)),
        content_(std::move(parts.content)),
        digests_(request_),
        structure_(std::move(parts.structure)),
        bytes_max_(parts.bytes_max) {}

  BlobResult<Ok> take(Bytes piece) override {
    if (!structure_) return append(piece);
    return structure_->take(piece, [this](Bytes content) { return append(content); });
  }

  BlobResult<Ok> complete() override {
    if (structure_) OTA_TRY(structure_->finish());
    OTA_TRY(digests_.finish(request_));
    return check();
  }
  BlobResult<Ok> settle() override { return content_.settle(); }

 protected:
  /// What can be refused without waiting for the disk.
  virtual BlobResult<Ok> check() = 0;

  BlobStore& store_;
  BlobRequest request_;
  NewContent content_;
  Digests digests_;

 private:
  BlobResult<Ok> append(Bytes piece) {
    if (content_.size_bytes + piece.size() > bytes_max_) return too_large(bytes_max_);
    digests_.update(piece);
    return content_.append(piece);
  }

  std::optional<StructuredReader> structure_;
  std::uint64_t bytes_max_;
};

class BlobUpload final : public FileUpload {
 public:
  using FileUpload::FileUpload;

  BlobResult<Stored> store(std::int64_t now) override {
    OTA_TRY(check_conditions(store_, request_));
    OTA_TRY(BlobStore::Put put,
            store_.put(key_of(request_), std::move(content_), std::move(fields_), now));
    return Stored{created(request_, &put.blob.version, digests_), std::move(put.obsolete)};
  }

 private:
  BlobResult<Ok> check() override {
    OTA_TRY(check_conditions(store_, request_));
    OTA_TRY(fields_, fields_of(request_, true));
    // A digest that does not fit what came would damn the blob at each later check.
    if (!fields_.content_md5.empty() && fields_.content_md5 != digests_.md5())
      return blob_error::md5_mismatch();
    fields_.content_md5 = digests_.md5();
    return Ok{};
  }

  BlobFields fields_;
};

class BlockUpload final : public FileUpload {
 public:
  using FileUpload::FileUpload;

  BlobResult<Stored> store(std::int64_t now) override {
    OTA_TRY(check_place(store_, request_));
    OTA_TRY(auto obsolete, store_.put_block(key_of(request_), request_.parameter("blockid"),
                                            std::move(content_), now));
    return Stored{created(request_, nullptr, digests_), std::move(obsolete)};
  }

 private:
  BlobResult<Ok> check() override {
    OTA_TRY(check_place(store_, request_));
    OTA_TRY(store_.check_block(key_of(request_), request_.parameter("blockid")));
    return Ok{};
  }
};

class BlockListUpload final : public Upload {
 public:
  BlockListUpload(BlobStore& store, BlobRequest request)
      : store_(store), request_(std::move(request)), digests_(request_) {}

  BlobResult<Ok> take(Bytes piece) override {
    if (xml_.size() + piece.size() > kBlockListBytesMax) return too_large(kBlockListBytesMax);
    digests_.update(piece);
    xml_ += text_of(piece);
    return Ok{};
  }

  BlobResult<Ok> complete() override {
    OTA_TRY(digests_.finish(request_));
    OTA_TRY(check_conditions(store_, request_));
    OTA_TRY(blocks_, chosen_blocks());
    OTA_TRY(fields_, fields_of(request_, false));
    return Ok{};
  }

  BlobResult<Ok> settle() override {
    auto assembled = store_.assemble(blocks_);
    if (!assembled) return std::move(assembled.error());
    content_.emplace(std::move(assembled).value());
    return Ok{};
  }

  BlobResult<Stored> store(std::int64_t now) override {
    OTA_TRY(check_conditions(store_, request_));
    OTA_TRY(BlobStore::Put put,
            store_.put(key_of(request_), std::move(*content_), std::move(fields_), now, blocks_));
    return Stored{created(request_, &put.blob.version, digests_), std::move(put.obsolete)};
  }

 private:
  static std::map<std::string, StoredBlock> by_id(std::vector<StoredBlock> blocks) {
    std::map<std::string, StoredBlock> out;
    for (StoredBlock& block : blocks) out.emplace(block.id, std::move(block));
    return out;
  }

  BlobResult<std::vector<StoredBlock>> chosen_blocks() const {
    const auto wanted = parse_block_list(xml_);
    if (!wanted) return BlobError{400, "InvalidXmlDocument", "The body is no block list."};
    if (wanted->size() > kBlocksMax)
      return BlobError{400, "BlockListTooLong", "The block list has more than 50,000 blocks."};
    OTA_TRY(auto uncommitted_list, store_.uncommitted_blocks(key_of(request_)));
    OTA_TRY(auto committed_list, store_.committed_blocks(key_of(request_)));
    const auto uncommitted = by_id(std::move(uncommitted_list));
    const auto committed = by_id(std::move(committed_list));
    std::vector<StoredBlock> chosen;
    for (const WantedBlock& block : *wanted) {
      const auto fresh = uncommitted.find(block.id);
      const auto old = committed.find(block.id);
      const bool from_fresh =
          block.from != WantedBlock::From::Committed && fresh != uncommitted.end();
      const bool from_old = block.from != WantedBlock::From::Uncommitted && old != committed.end();
      if (!from_fresh && !from_old) return blob_error::invalid_block_list();
      chosen.push_back(from_fresh ? fresh->second : old->second);
    }
    return chosen;
  }

  BlobStore& store_;
  BlobRequest request_;
  std::string xml_;
  Digests digests_;
  std::vector<StoredBlock> blocks_;
  BlobFields fields_;
  std::optional<NewContent> content_;
};

template <class T>
BlobResult<std::unique_ptr<Upload>> begin_file_upload(BlobStore& store, BlobRequest request,
                                                      std::uint64_t bytes_max) {
  OTA_TRY(auto structure, structure_of(request));
  const bool too_long = !structure && request.head.content_length.value_or(0) > bytes_max;
  if (too_long) return too_large(bytes_max);
  OTA_TRY(NewContent content, store.begin_content());
  return std::unique_ptr<Upload>(std::make_unique<T>(FileUpload::Parts{
      store, std::move(request), std::move(content), std::move(structure), bytes_max}));
}

}  // namespace

BlobResult<std::unique_ptr<Upload>> begin_put_blob(BlobStore& store, BlobRequest request) {
  OTA_TRY(check_blob_type(request));
  OTA_TRY(check_announced(request));
  OTA_TRY(request.metadata());
  OTA_TRY(check_conditions(store, request));
  return begin_file_upload<BlobUpload>(store, std::move(request), kPutBlobBytesMax);
}

BlobResult<std::unique_ptr<Upload>> begin_put_block(BlobStore& store, BlobRequest request) {
  const auto id = from_base64(request.parameter("blockid"));
  if (!id || id->empty() || id->size() > kBlockIdBytesMax)
    return blob_error::invalid_query("blockid");
  OTA_TRY(check_announced(request));
  OTA_TRY(check_place(store, request));
  return begin_file_upload<BlockUpload>(store, std::move(request), kBlockBytesMax);
}

BlobResult<std::unique_ptr<Upload>> begin_put_block_list(BlobStore& store, BlobRequest request) {
  OTA_TRY(check_announced(request));
  OTA_TRY(check_conditions(store, request));
  return std::unique_ptr<Upload>(std::make_unique<BlockListUpload>(store, std::move(request)));
}

}  // namespace ota::hub::blob
