#include "cloud/hub/blob/blob_conditions.hpp"
#include "cloud/hub/blob/blob_operations.hpp"

namespace ota::hub::blob {
namespace {

constexpr std::size_t kContainerNameBytesMin = 3;

BlobResult<StoredBlob> writable_blob(const Job& job) {
  OTA_TRY(auto blob, job.store.find(job.key()));
  if (!blob) {
    OTA_TRY(const auto container, job.store.find_container(job.request.container));
    if (!container) return blob_error::container_not_found();
  }
  OTA_TRY(check_write_conditions(job.request, blob ? &blob->version : nullptr));
  if (!blob) return blob_error::blob_not_found();
  return std::move(*blob);
}

BlobResult<StoredContainer> writable_container(const Job& job) {
  OTA_TRY(auto container, job.store.find_container(job.request.container));
  if (!container) return blob_error::container_not_found();
  OTA_TRY(check_write_conditions(job.request, &container->version));
  return std::move(*container);
}

Reply versioned(int status, const BlobVersion& version) {
  Reply reply;
  reply.status = status;
  add_version(reply, version);
  return reply;
}

}  // namespace

BlobResult<Reply> create_container(const Job& job) {
  if (job.request.container.size() < kContainerNameBytesMin)
    return blob_error::container_name_length();
  if (job.request.has_header("x-ms-blob-public-access")) {
    return BlobError{409, "PublicAccessNotPermitted",
                     "Public access is not permitted on this storage account."};
  }
  OTA_TRY(const Metadata metadata, job.request.metadata());
  OTA_TRY(const auto container,
          job.store.create_container(job.request.container, metadata, job.now));
  return versioned(201, container.version);
}

BlobResult<Reply> delete_container(const Job& job) {
  OTA_TRY(writable_container(job));
  OTA_TRY(job.store.remove_container(job.request.container));
  Reply reply;
  reply.status = 202;
  return reply;
}

BlobResult<Reply> set_container_metadata(const Job& job) {
  OTA_TRY(const Metadata metadata, job.request.metadata());
  OTA_TRY(writable_container(job));
  OTA_TRY(const auto container,
          job.store.update_container(job.request.container, metadata, job.now));
  return versioned(200, container.version);
}

BlobResult<Reply> set_metadata(const Job& job) {
  OTA_TRY(Metadata metadata, job.request.metadata());
  OTA_TRY(StoredBlob blob, writable_blob(job));
  blob.fields.metadata = std::move(metadata);
  OTA_TRY(const StoredBlob updated,
          job.store.update_fields(job.key(), std::move(blob.fields), job.now));
  Reply reply = versioned(200, updated.version);
  reply.headers.add("x-ms-request-server-encrypted", "true");
  return reply;
}

BlobResult<Reply> set_properties(const Job& job) {
  OTA_TRY(StoredBlob blob, writable_blob(job));
  const BlobRequest& r = job.request;
  // As the service: what the request leaves out is cleared.
  blob.fields = {r.header("x-ms-blob-content-type"),     r.header("x-ms-blob-content-encoding"),
                 r.header("x-ms-blob-content-language"), r.header("x-ms-blob-content-disposition"),
                 r.header("x-ms-blob-cache-control"),    r.header("x-ms-blob-content-md5"),
                 std::move(blob.fields.metadata)};
  OTA_TRY(const StoredBlob updated,
          job.store.update_fields(job.key(), std::move(blob.fields), job.now));
  return versioned(200, updated.version);
}

BlobResult<Reply> delete_blob(const Job& job) {
  OTA_TRY(writable_blob(job));
  // There are no snapshots: "only" them leaves everything in its place.
  const bool only_snapshots = job.request.header("x-ms-delete-snapshots") == "only";
  if (!only_snapshots) OTA_TRY(job.store.remove(job.key()));
  Reply reply;
  reply.status = 202;
  reply.headers.add("x-ms-delete-type-permanent", "true");
  return reply;
}

}  // namespace ota::hub::blob
