#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/text.hpp"
#include "cloud/hub/blob/blob_conditions.hpp"
#include "cloud/hub/blob/blob_operations.hpp"
#include "cloud/hub/blob/blob_range.hpp"
#include "cloud/hub/blob/blob_xml.hpp"
#include "cloud/hub/blob/crc64.hpp"
#include "cloud/hub/blob/md5.hpp"
#include "cloud/hub/blob/structured_body.hpp"
#include "cloud/hub/http/http_date.hpp"

namespace ota::hub::blob {
namespace {

/// Part of a content file. Stays readable when the blob is replaced meanwhile.
class FileSource final : public BodySource {
 public:
  FileSource(OpenFile file, std::uint64_t offset, std::uint64_t size_bytes)
      : file_(std::move(file)), offset_(offset), size_bytes_(size_bytes), left_(size_bytes) {}

  std::uint64_t size() const override { return size_bytes_; }
  Result<std::size_t, std::string> read(MutableBytes into) override {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), left_));
    ssize_t size = 0;
    do {
      size = ::pread(file_.get(), into.data(), wanted, static_cast<off_t>(offset_));
    } while (size < 0 && errno == EINTR);
    if (size < 0) return std::string("cannot read a blob's content: ") + std::strerror(errno);
    offset_ += static_cast<std::uint64_t>(size);
    left_ -= static_cast<std::uint64_t>(size);
    return static_cast<std::size_t>(size);
  }

 private:
  OpenFile file_;
  std::uint64_t offset_;
  std::uint64_t size_bytes_;
  std::uint64_t left_;
};

Reply xml_reply(std::string body) {
  Reply reply;
  reply.headers.add("Content-Type", "application/xml");
  reply.body = std::move(body);
  return reply;
}

BlobResult<std::size_t> results_max(const BlobRequest& request) {
  const std::string text = request.parameter("maxresults");
  if (text.empty()) return kListResultsMax;
  const auto count = read_number<std::size_t>(text);
  if (!count) return blob_error::invalid_query("maxresults");
  if (*count == 0)
    return BlobError{400, "OutOfRangeQueryParameterValue", "maxresults must be at least 1."};
  return std::min(*count, kListResultsMax);
}

BlobResult<std::string> first_name(const BlobRequest& request) {
  const auto name = parse_marker(request.parameter("marker"));
  if (!name) return blob_error::invalid_query("marker");
  return *name;
}

std::string service_endpoint(const BlobRequest& request) {
  const std::string& path = request.head.path;
  return (request.head.encrypted ? "https://" : "http://") + request.header("Host") +
         path.substr(0, path.find('/', 1));
}

/// What the service knows, and of it what this hub has something to say to.
BlobResult<Ok> check_includes(const BlobRequest& request) {
  constexpr std::array<std::string_view, 12> known = {
      "snapshots", "metadata",    "uncommittedblobs",
      "copy",      "deleted",     "tags",
      "versions",  "system",      "immutabilitypolicy",
      "legalhold", "permissions", "deletedwithversions"};
  const std::string text = request.parameter("include");
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view word = std::string_view(text).substr(begin, end - begin);
    if (std::find(known.begin(), known.end(), word) == known.end())
      return blob_error::invalid_query("include");
    begin = end + 1;
  }
  return Ok{};
}

bool includes(const BlobRequest& request, std::string_view what) {
  return ("," + request.parameter("include") + ",").find("," + std::string(what) + ",") !=
         std::string::npos;
}

void add_if(Reply& reply, const char* name, const std::string& value) {
  if (!value.empty()) reply.headers.add(name, value);
}

/// A token may say how the answer shall look (rscc ... rsct).
std::string overridden(const BlobRequest& request, std::string_view parameter,
                       const std::string& stored) {
  const std::string wanted = request.parameter(parameter);
  return wanted.empty() ? stored : wanted;
}

void add_metadata(Reply& reply, const Metadata& metadata) {
  for (const auto& [name, value] : metadata) reply.headers.add("x-ms-meta-" + name, value);
}

void add_blob_headers(Reply& reply, const BlobRequest& request, const StoredBlob& blob) {
  add_version(reply, blob.version);
  add_if(reply, "Content-Type", overridden(request, "rsct", blob.fields.content_type));
  add_if(reply, "Content-Encoding", overridden(request, "rsce", blob.fields.content_encoding));
  add_if(reply, "Content-Language", overridden(request, "rscl", blob.fields.content_language));
  add_if(reply, "Content-Disposition",
         overridden(request, "rscd", blob.fields.content_disposition));
  add_if(reply, "Cache-Control", overridden(request, "rscc", blob.fields.cache_control));
  reply.headers.add("Accept-Ranges", "bytes");
  reply.headers.add("x-ms-blob-type", "BlockBlob");
  reply.headers.add("x-ms-creation-time", to_http_date(blob.created));
  reply.headers.add("x-ms-lease-status", "unlocked");
  reply.headers.add("x-ms-lease-state", "available");
  reply.headers.add("x-ms-server-encrypted", "true");
  if (request.head.method == "HEAD") {
    reply.headers.add("x-ms-access-tier", "Hot");
    reply.headers.add("x-ms-access-tier-inferred", "true");
  }
  add_metadata(reply, blob.fields.metadata);
}

BlobResult<std::vector<std::byte>> bytes_of_range(const OpenFile& file, const ByteRange& range) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(range.size()));
  FileSource source(OpenFile(::dup(file.get())), range.first, range.size());
  for (std::size_t done = 0; done < bytes.size();) {
    const auto size = source.read(MutableBytes(bytes).subspan(done));
    if (!size || size.value() == 0)
      return blob_error::internal("a blob's content is shorter than recorded");
    done += size.value();
  }
  return bytes;
}

/// What a read wants to know about the range that it gets.
struct WantedDigests {
  bool md5 = false;
  bool crc64 = false;

  bool any() const { return md5 || crc64; }
};

BlobResult<WantedDigests> wanted_digests(const BlobRequest& request, bool has_range) {
  constexpr const char* crc64_header = "x-ms-range-get-content-crc64";
  const WantedDigests wanted{request.header("x-ms-range-get-content-md5") == "true",
                             request.header(crc64_header) == "true"};
  if (wanted.md5 && wanted.crc64) {
    return BlobError{400, "BothCrc64AndMd5RangeHeaderPresent",
                     "Ask for either the MD5 or the CRC64 of a range, not both."};
  }
  if (wanted.crc64 && !has_range) {
    return BlobError{400, "InvalidHeaderValue",
                     std::string(crc64_header) + " is for requests with a range."};
  }
  return wanted;
}

/// A range's own digest only if asked for; the whole blob's digest moves to another field then.
BlobResult<Ok> add_range_headers(Reply& reply, const WantedDigests& wanted, const StoredBlob& blob,
                                 const ByteRange& range, const OpenFile& file) {
  reply.status = 206;
  reply.headers.add("Content-Range", "bytes " + std::to_string(range.first) + "-" +
                                         std::to_string(range.last) + "/" +
                                         std::to_string(blob.size_bytes));
  add_if(reply, "x-ms-blob-content-md5", blob.fields.content_md5);
  if (!wanted.any()) return Ok{};
  if (range.size() > kRangeDigestBytesMax) {
    return BlobError{400, "OutOfRangeInput", "A range with a digest may have at most 4 MiB."};
  }
  OTA_TRY(const std::vector<std::byte> bytes, bytes_of_range(file, range));
  if (wanted.md5) {
    Md5 md5;
    md5.update(bytes);
    reply.headers.add("Content-MD5", md5.finish());
  } else {
    Crc64 crc64;
    crc64.update(bytes);
    reply.headers.add("x-ms-content-crc64", crc64.text());
  }
  return Ok{};
}

BlobResult<StoredBlob> existing_blob(const Job& job) {
  OTA_TRY(auto blob, job.store.find(job.key()));
  OTA_TRY(check_read_conditions(job.request, blob ? &blob->version : nullptr));
  if (blob) return std::move(*blob);
  OTA_TRY(const auto container, job.store.find_container(job.request.container));
  return container ? blob_error::blob_not_found() : blob_error::container_not_found();
}

}  // namespace

void add_version(Reply& reply, const BlobVersion& version) {
  reply.headers.add("ETag", version.etag);
  reply.headers.add("Last-Modified", to_http_date(version.modified));
}

BlobResult<Reply> account_information() {
  Reply reply;
  reply.headers.add("x-ms-sku-name", "Standard_LRS");
  reply.headers.add("x-ms-account-kind", "StorageV2");
  reply.headers.add("x-ms-is-hns-enabled", "false");
  return reply;
}

BlobResult<Reply> service_properties() { return xml_reply(service_properties_xml()); }

BlobResult<Reply> list_containers(const Job& job) {
  OTA_TRY(check_includes(job.request));
  OTA_TRY(const std::size_t count, results_max(job.request));
  ContainerList list;
  list.service_endpoint = service_endpoint(job.request);
  list.prefix = job.request.parameter("prefix");
  OTA_TRY(list.marker, first_name(job.request));
  list.results_max = count;
  list.with_metadata = includes(job.request, "metadata");
  OTA_TRY(list.containers, job.store.list_containers(list.prefix, list.marker, count + 1));
  if (list.containers.size() > count) {
    list.next_marker = list.containers.back().name;
    list.containers.pop_back();
  }
  return xml_reply(to_xml(list));
}

BlobResult<Reply> container_properties(const Job& job) {
  OTA_TRY(const auto container, job.store.find_container(job.request.container));
  if (!container) return blob_error::container_not_found();
  Reply reply;
  add_version(reply, container->version);
  reply.headers.add("x-ms-lease-status", "unlocked");
  reply.headers.add("x-ms-lease-state", "available");
  reply.headers.add("x-ms-has-immutability-policy", "false");
  reply.headers.add("x-ms-has-legal-hold", "false");
  add_metadata(reply, container->metadata);
  return reply;
}

BlobResult<Reply> container_policies(const Job& job) {
  OTA_TRY(const auto container, job.store.find_container(job.request.container));
  if (!container) return blob_error::container_not_found();
  Reply reply = xml_reply("<?xml version=\"1.0\" encoding=\"utf-8\"?><SignedIdentifiers />");
  add_version(reply, container->version);
  return reply;
}

BlobResult<Reply> list_blobs(const Job& job) {
  const BlobRequest& request = job.request;
  OTA_TRY(check_includes(request));
  OTA_TRY(const auto container, job.store.find_container(request.container));
  if (!container) return blob_error::container_not_found();
  OTA_TRY(const std::size_t count, results_max(request));
  BlobList list;
  list.service_endpoint = service_endpoint(request);
  list.container = request.container;
  list.prefix = request.parameter("prefix");
  list.delimiter = request.parameter("delimiter");
  OTA_TRY(list.marker, first_name(request));
  list.results_max = count;
  list.with_metadata = includes(request, "metadata");
  BlobStore::ListQuery query{request.container, list.prefix, list.marker, 0,
                             includes(request, "uncommittedblobs")};
  std::string& from = query.from;
  while (list.next_marker.empty()) {
    const std::size_t left = count - list.blobs.size() - list.common_prefixes.size();
    // With a delimiter each step may swallow a whole folder, so it goes name by name.
    query.count = list.delimiter.empty() ? left + 1 : 1;
    OTA_TRY(auto batch, job.store.list(query));
    if (batch.empty()) break;
    if (list.delimiter.empty()) {
      if (batch.size() > left) {
        list.next_marker = batch.back().name;
        batch.pop_back();
      }
      list.blobs = std::move(batch);
      break;
    }
    StoredBlob& blob = batch.front();
    if (left == 0) {
      list.next_marker = blob.name;
      break;
    }
    const std::size_t cut = blob.name.find(list.delimiter, list.prefix.size());
    if (cut == std::string::npos) {
      from = blob.name + '\x01';
      list.blobs.push_back(std::move(blob));
    } else {
      list.common_prefixes.push_back(blob.name.substr(0, cut + list.delimiter.size()));
      from = list.common_prefixes.back() +
             "\xFF\xFF\xFF\xFF";  // Beyond every name in that folder: no UTF-8 has 0xFF.
    }
  }
  return xml_reply(to_xml(list));
}

BlobResult<Reply> get_blob(const Job& job) {
  OTA_TRY(const StoredBlob blob, existing_blob(job));
  const BlobRequest& request = job.request;
  Reply reply;
  add_blob_headers(reply, request, blob);
  if (request.head.method == "HEAD") {
    add_if(reply, "Content-MD5", blob.fields.content_md5);
    reply.headers.add("Content-Length", std::to_string(blob.size_bytes));
    return reply;
  }
  const std::string wanted =
      request.has_header("x-ms-range") ? request.header("x-ms-range") : request.header("Range");
  OTA_TRY(const auto range, parse_range(wanted, blob.size_bytes));
  OTA_TRY(const WantedDigests digests, wanted_digests(request, range.has_value()));
  OTA_TRY(OpenFile file, job.store.open_content(blob.file));
  if (range) {
    OTA_TRY(add_range_headers(reply, digests, blob, *range, file));
    reply.stream = std::make_unique<FileSource>(std::move(file), range->first, range->size());
  } else {
    add_if(reply, "Content-MD5", blob.fields.content_md5);
    reply.stream = std::make_unique<FileSource>(std::move(file), 0, blob.size_bytes);
  }
  if (request.has_header(kStructuredBody)) {
    reply.headers.add(kStructuredBody, std::string(kStructuredForm));
    reply.headers.add(kStructuredLength, std::to_string(reply.stream->size()));
    reply.stream = std::make_unique<StructuredSource>(std::move(reply.stream));
  }
  return reply;
}

BlobResult<Reply> get_metadata(const Job& job) {
  OTA_TRY(const StoredBlob blob, existing_blob(job));
  Reply reply;
  add_version(reply, blob.version);
  add_metadata(reply, blob.fields.metadata);
  return reply;
}

BlobResult<Reply> get_block_list(const Job& job) {
  const std::string type = job.request.parameter("blocklisttype");
  if (!type.empty() && type != "committed" && type != "uncommitted" && type != "all") {
    return blob_error::invalid_query("blocklisttype");
  }
  OTA_TRY(const auto blob, job.store.find(job.key()));
  OTA_TRY(auto uncommitted, job.store.uncommitted_blocks(job.key()));
  if (!blob && uncommitted.empty()) return blob_error::blob_not_found();
  BlockLists lists;
  if (type != "uncommitted") {
    OTA_TRY(auto committed, job.store.committed_blocks(job.key()));
    lists.committed = std::move(committed);
  }
  if (type == "uncommitted" || type == "all") lists.uncommitted = std::move(uncommitted);
  Reply reply = xml_reply(to_xml(lists));
  if (blob) add_version(reply, blob->version);
  reply.headers.add("x-ms-blob-content-length", std::to_string(blob ? blob->size_bytes : 0));
  return reply;
}

}  // namespace ota::hub::blob
