#pragma once

// Azure Blob Storage, as far as publishing firmware needs it. Blobs are never overwritten.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "cloud/rest/content_md5.hpp"
#include "cloud/rest/service_session.hpp"

namespace ota::rest {

struct BlobUpload {
  std::string container = {};
  std::string name = {};
  std::string path = {};  // of the file
  std::uint64_t size_bytes = 0;
  ContentMd5 md5 = {};
  std::map<std::string, std::string> metadata = {};  // names: letters and digits
};

struct BlobProperties {
  std::uint64_t size_bytes = 0;
  std::string content_md5 = {};  // base64; empty if the writer stored none
  std::string etag = {};
};

/// Where a blob is inside its account.
struct BlobPlace {
  std::string container = {};
  std::string name = {};
};

/// What get() reads at once, so much memory and no more.
inline constexpr std::uint64_t kDownloadPieceBytes = 4U * 1024 * 1024;

/// Bytes given to the network so far; called from several threads, one at a time.
using UploadProgress = std::function<void(std::uint64_t)>;

class BlobClient {
 public:
  BlobClient(contract::StorageConnection connection, ClientSetup setup);

  /// Creates the container (private) unless it exists.
  ApiResult<Ok> ensure_container(std::string_view container);

  /// Reads the properties of a container.
  /// @errors NotFound: no such container. Unauthorized: the key is refused.
  ApiResult<Ok> look_up_container(std::string_view container);

  /// Stores a short text as a new blob.
  /// @errors Conflict: a blob of this name exists.
  ApiResult<Ok> put_text(std::string_view container, std::string_view name, std::string_view text);

  ApiResult<Ok> remove(std::string_view container, std::string_view name);

  /// @errors NotFound: no such blob or container.
  ApiResult<BlobProperties> properties(std::string_view container, std::string_view name);

  /// Uploads in one piece, or in parallel blocks when larger than kBlockBytes. The blob appears
  /// whole or not at all.
  /// @errors Conflict: a blob of this name exists, with whatever content.
  ApiResult<Ok> put(const BlobUpload& upload, const UploadProgress& progress = {});

  /// Reads a whole blob piece by piece; all pieces are of the same state of the blob.
  /// @param take  false ends it
  /// @errors NotFound. Conflict: it was replaced meanwhile. Protocol: an answer that does not fit
  ///         what was asked, or `take` said false (code "not_taken").
  ApiResult<Ok> get(const BlobPlace& place, const std::function<bool(std::string_view)>& take);

  /// The blob that url_of() made this address for; nothing if it is in another account.
  std::optional<BlobPlace> place_of(std::string_view url) const;

  /// Address without query.
  std::string url_of(std::string_view container, std::string_view name) const;

  /// A read-only token for one blob, without '?'.
  std::string read_sas(std::string_view container, std::string_view name,
                       contract::UnixSeconds start, contract::UnixSeconds expiry) const;

 private:
  struct Call;
  ApiResult<HttpReply> send(HttpClient& http, Random& random, const Call& call);
  ApiResult<Ok> put_whole(const BlobUpload& upload, const UploadProgress& progress);
  ApiResult<Ok> put_blocks(const BlobUpload& upload, const UploadProgress& progress);
  ApiResult<Ok> put_block(HttpClient& http, Random& random, const BlobUpload& upload,
                          std::size_t index, const UploadProgress& progress);
  ApiResult<Ok> put_block_list(const BlobUpload& upload);

  contract::StorageConnection connection_;
  ClientSetup setup_;
  HttpClient http_;
};

}  // namespace ota::rest
