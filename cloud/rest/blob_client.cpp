#include "cloud/rest/blob_client.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <mutex>
#include <thread>

#include "base/encoding.hpp"
#include "cloud/rest/service_error.hpp"
#include "contract/azure/percent.hpp"

namespace ota::rest {
namespace {

constexpr const char* kServiceVersion = "2021-12-02";
constexpr const char* kContentType = "application/octet-stream";
constexpr std::size_t kUploadThreadsMax = 4;

/// RFC 1123, always in English: "Tue, 01 Jan 2030 00:00:00 GMT".
std::string http_date(contract::UnixSeconds time) {
  constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = time;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                kDays.at(static_cast<std::size_t>(parts.tm_wday)), parts.tm_mday,
                kMonths.at(static_cast<std::size_t>(parts.tm_mon)), parts.tm_year + 1900,
                parts.tm_hour, parts.tm_min, parts.tm_sec);
  return text.data();
}

/// Every block id of a blob must have the same length.
std::string block_id(std::size_t index) {
  std::string digits = std::to_string(index);
  digits.insert(0, 6 - std::min<std::size_t>(6, digits.size()), '0');
  const std::string text = "block-" + digits;
  return to_base64(bytes_of(text));
}

std::string encoded_path(std::string_view name) {
  std::string out;
  while (true) {
    const std::size_t slash = name.find('/');
    out += contract::percent_encode(name.substr(0, slash));
    if (slash == std::string_view::npos) return out;
    out += '/';
    name.remove_prefix(slash + 1);
  }
}

void add_metadata(contract::HeaderFields& headers, const BlobUpload& upload) {
  // Header values are ASCII; ordinary file names stay as they are.
  for (const auto& [name, value] : upload.metadata) {
    headers.emplace_back("x-ms-meta-" + name, contract::percent_encode(value));
  }
}

std::string what_of(const BlobUpload& upload) {
  return "store blob '" + upload.container + "/" + upload.name + "'";
}

}  // namespace

struct BlobClient::Call {
  std::string method;
  std::string url;  // without query
  std::string query = {};
  contract::HeaderFields headers = {};
  std::string body = {};
  std::optional<FileRange> upload = {};
  std::function<void(std::uint64_t)> on_sent = {};
  std::string what = {};
};

BlobClient::BlobClient(contract::StorageConnection connection, ClientSetup setup)
    : connection_(std::move(connection)), setup_(std::move(setup)), http_(setup_.http) {}

std::string BlobClient::url_of(std::string_view container, std::string_view name) const {
  return connection_.blob_endpoint + "/" + contract::percent_encode(container) + "/" +
         encoded_path(name);
}

std::string BlobClient::read_sas(std::string_view container, std::string_view name,
                                 contract::UnixSeconds start, contract::UnixSeconds expiry) const {
  return contract::make_blob_sas({.account = connection_.account,
                                  .container = std::string(container),
                                  .blob = std::string(name),
                                  .start = start,
                                  .expiry = expiry,
                                  .https_only = connection_.blob_endpoint.starts_with("https:")},
                                 connection_.key);
}

ApiResult<HttpReply> BlobClient::send(HttpClient& http, Random& random, const Call& call) {
  std::string request_id;
  const auto attempt = [&]() -> ApiResult<HttpReply> {
    HttpRequest request;
    request.method = call.method;
    request.url = call.url + (call.query.empty() ? "" : "?" + call.query);
    request.body = call.body;
    request.upload = call.upload;
    request.on_sent = call.on_sent;
    request.headers = call.headers;
    // Signed afresh for each try: the date must be within 15 minutes of the service's clock.
    request.headers.emplace_back("x-ms-date", http_date(setup_.now()));
    request.headers.emplace_back("x-ms-version", kServiceVersion);
    request_id = new_request_id();
    request.headers.emplace_back("x-ms-client-request-id", request_id);
    const std::uint64_t size = call.upload ? call.upload->size_bytes : call.body.size();
    request.headers.emplace_back("Content-Length", std::to_string(size));
    const std::string path = call.url.substr(origin_of(call.url).size());
    const auto authorization =
        contract::make_shared_key_authorization({.method = call.method,
                                                 .account = connection_.account,
                                                 .path = path,
                                                 .query = call.query,
                                                 .headers = request.headers},
                                                connection_.key);
    OTA_ASSERT(authorization);  // We encoded the query ourselves.
    request.headers.emplace_back("Authorization", *authorization);
    return http.send(request);
  };
  auto result = Retry(setup_.pause, random, setup_.retry).run(Repeatable::Yes, attempt);
  return judged(std::move(result), {.what = call.what, .id = request_id});
}

ApiResult<Ok> BlobClient::ensure_container(std::string_view container) {
  const auto reply =
      send(http_, setup_.random,
           {.method = "PUT",
            .url = connection_.blob_endpoint + "/" + contract::percent_encode(container),
            .query = "restype=container",
            .what = "create container '" + std::string(container) + "'"});
  if (!reply && reply.error().code != "ContainerAlreadyExists") return reply.error();
  return Ok{};
}

ApiResult<Ok> BlobClient::look_up_container(std::string_view container) {
  OTA_TRY(send(http_, setup_.random,
               {.method = "HEAD",
                .url = connection_.blob_endpoint + "/" + contract::percent_encode(container),
                .query = "restype=container",
                .what = "look up container '" + std::string(container) + "'"}));
  return Ok{};
}

ApiResult<Ok> BlobClient::put_text(std::string_view container, std::string_view name,
                                   std::string_view text) {
  OTA_TRY(send(http_, setup_.random,
               {.method = "PUT",
                .url = url_of(container, name),
                .headers = {{"x-ms-blob-type", "BlockBlob"},
                            {"Content-Type", "text/plain; charset=utf-8"},
                            {"If-None-Match", "*"}},
                .body = std::string(text),
                .what = "store blob '" + std::string(container) + "/" + std::string(name) + "'"}));
  return Ok{};
}

ApiResult<Ok> BlobClient::remove(std::string_view container, std::string_view name) {
  OTA_TRY(send(http_, setup_.random,
               {.method = "DELETE",
                .url = url_of(container, name),
                .what = "delete blob '" + std::string(container) + "/" + std::string(name) + "'"}));
  return Ok{};
}

ApiResult<BlobProperties> BlobClient::properties(std::string_view container,
                                                 std::string_view name) {
  OTA_TRY(const HttpReply reply, send(http_, setup_.random,
                                      {.method = "HEAD",
                                       .url = url_of(container, name),
                                       .what = "look up blob '" + std::string(container) + "/" +
                                               std::string(name) + "'"}));
  BlobProperties out;
  const std::string size = reply.header("Content-Length").value_or("");
  std::from_chars(size.data(), size.data() + size.size(), out.size_bytes);
  out.content_md5 = reply.header("Content-MD5").value_or("");
  out.etag = reply.header("ETag").value_or("");
  return out;
}

ApiResult<Ok> BlobClient::get(const BlobPlace& place,
                              const std::function<bool(std::string_view)>& take) {
  OTA_TRY(const BlobProperties blob, properties(place.container, place.name));
  Call call{.method = "GET",
            .url = url_of(place.container, place.name),
            .what = "read blob '" + place.container + "/" + place.name + "'"};
  const auto broken = [&call](const char* code, const char* why) {
    return ApiError{.kind = ApiError::Kind::Protocol,
                    .code = code,
                    .message = "cannot " + call.what + ": " + why};
  };
  for (std::uint64_t at = 0; at < blob.size_bytes;) {
    const std::uint64_t size = std::min(kDownloadPieceBytes, blob.size_bytes - at);
    call.headers = {
        {"x-ms-range", "bytes=" + std::to_string(at) + "-" + std::to_string(at + size - 1)},
        {"If-Match", blob.etag}};
    OTA_TRY(const HttpReply reply, send(http_, setup_.random, call));
    if (reply.status != 206 || reply.body.size() != size) {
      return broken("unreadable_answer", "the service's answer is not the part that was asked for");
    }
    if (!take(reply.body)) return broken("not_taken", "its bytes could not be kept");
    at += size;
  }
  return Ok{};
}

std::optional<BlobPlace> BlobClient::place_of(std::string_view url) const {
  const std::string prefix = connection_.blob_endpoint + "/";
  if (!url.starts_with(prefix)) return std::nullopt;
  url.remove_prefix(prefix.size());
  const std::size_t slash = url.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto container = contract::percent_decode(url.substr(0, slash));
  const auto name = contract::percent_decode(url.substr(slash + 1));
  if (!container || !name || container->empty() || name->empty()) return std::nullopt;
  return BlobPlace{.container = *container, .name = *name};
}

ApiResult<Ok> BlobClient::put(const BlobUpload& upload, const UploadProgress& progress) {
  return upload.size_bytes <= kBlockBytes ? put_whole(upload, progress)
                                          : put_blocks(upload, progress);
}

ApiResult<Ok> BlobClient::put_whole(const BlobUpload& upload, const UploadProgress& progress) {
  Call call{.method = "PUT",
            .url = url_of(upload.container, upload.name),
            .headers = {{"x-ms-blob-type", "BlockBlob"},
                        {"Content-Type", kContentType},
                        {"Content-MD5", upload.md5.whole},
                        {"If-None-Match", "*"}},
            .upload = FileRange{.path = upload.path, .offset = 0, .size_bytes = upload.size_bytes},
            .on_sent = progress,
            .what = what_of(upload)};
  add_metadata(call.headers, upload);
  OTA_TRY(send(http_, setup_.random, call));
  return Ok{};
}

ApiResult<Ok> BlobClient::put_block(HttpClient& http, Random& random, const BlobUpload& upload,
                                    std::size_t index, const UploadProgress& progress) {
  const std::uint64_t offset = index * kBlockBytes;
  OTA_TRY(
      send(http, random,
           {.method = "PUT",
            .url = url_of(upload.container, upload.name),
            .query = "comp=block&blockid=" + contract::percent_encode(block_id(index)),
            .headers = {{"Content-MD5", upload.md5.blocks[index]}},
            .upload = FileRange{.path = upload.path,
                                .offset = offset,
                                .size_bytes = std::min(kBlockBytes, upload.size_bytes - offset)},
            .on_sent = progress,
            .what = what_of(upload)}));
  return Ok{};
}

ApiResult<Ok> BlobClient::put_blocks(const BlobUpload& upload, const UploadProgress& progress) {
  const std::size_t count = upload.md5.blocks.size();
  OTA_ASSERT(count == (upload.size_bytes + kBlockBytes - 1) / kBlockBytes);
  std::atomic<std::size_t> next{0};
  std::mutex mutex;  // of what follows
  std::vector<std::uint64_t> sent(count, 0);
  std::uint64_t total = 0;
  std::optional<ApiError> failure;

  const auto work = [&](std::uint64_t seed) {
    HttpClient http(setup_.http);
    SplitMix64 random(seed);
    for (std::size_t index = next++; index < count; index = next++) {
      const auto on_sent = [&, index](std::uint64_t bytes) {
        const std::lock_guard lock(mutex);
        total = total - sent[index] + bytes;  // A second try counts its block anew.
        sent[index] = bytes;
        if (progress) progress(total);
      };
      const auto stored = put_block(http, random, upload, index, on_sent);
      if (stored) continue;
      const std::lock_guard lock(mutex);
      if (!failure) failure = stored.error();
      next = count;  // The others end after their block.
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < std::min(count, kUploadThreadsMax); ++i) {
    threads.emplace_back(work, setup_.random.next());
  }
  for (std::thread& thread : threads) thread.join();
  if (failure) return std::move(*failure);
  return put_block_list(upload);
}

ApiResult<Ok> BlobClient::put_block_list(const BlobUpload& upload) {
  std::string body = R"(<?xml version="1.0" encoding="utf-8"?><BlockList>)";
  for (std::size_t i = 0; i < upload.md5.blocks.size(); ++i) {
    body += "<Latest>" + block_id(i) + "</Latest>";
  }
  body += "</BlockList>";
  Call call{.method = "PUT",
            .url = url_of(upload.container, upload.name),
            .query = "comp=blocklist",
            .headers = {{"Content-Type", "application/xml"},
                        {"x-ms-blob-content-type", kContentType},
                        {"x-ms-blob-content-md5", upload.md5.whole},
                        {"If-None-Match", "*"}},
            .body = body,
            .what = what_of(upload)};
  add_metadata(call.headers, upload);
  OTA_TRY(send(http_, setup_.random, call));
  return Ok{};
}

}  // namespace ota::rest
