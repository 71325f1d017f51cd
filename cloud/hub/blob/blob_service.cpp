#include "cloud/hub/blob/blob_service.hpp"

#include <spdlog/spdlog.h>

#include <utility>
#include <variant>

#include "cloud/hub/blob/blob_account.hpp"
#include "cloud/hub/blob/blob_auth.hpp"
#include "cloud/hub/blob/blob_operations.hpp"
#include "cloud/hub/core/secrets.hpp"
#include "contract/azure/percent.hpp"

namespace ota::hub {
namespace {

using blob::Job;
using blob::Upload;
using Outcome = BlobResult<std::variant<Reply, std::unique_ptr<Upload>>>;

constexpr std::string_view kDefaultVersion = "2021-12-02";

/// What every answer repeats from its request.
struct Echo {
  std::string request_id;
  std::string client_request_id;
  std::string version;
  bool head_alone = false;

  Reply on(BlobResult<Reply> result, contract::UnixSeconds now) const {
    Reply reply =
        result ? std::move(result).value() : to_reply(result.error(), request_id, now, head_alone);
    reply.headers.add("Server", "Windows-Azure-Blob/1.0 Microsoft-HTTPAPI/2.0");
    reply.headers.add("x-ms-request-id", request_id);
    reply.headers.add("x-ms-version", version);
    if (!client_request_id.empty()) reply.headers.add("x-ms-client-request-id", client_request_id);
    if (reply.status >= 400) {
      spdlog::info("blob storage: answered {}; request {}, of the client {}", reply.status,
                   request_id, client_request_id.empty() ? "-" : client_request_id.substr(0, 64));
    }
    return reply;
  }
};

/// Whatever version the client speaks is repeated: what this hub knows did not change between them.
Echo echo_of(const RequestHead& head) {
  const auto header = [&head](const char* name) {
    return std::string(head.headers.find(name).value_or(""));
  };
  std::string version = header("x-ms-version");
  if (version.empty())
    version = contract::bag_value(contract::split_bag(head.query), "sv").value_or("");
  if (version.empty()) version = kDefaultVersion;
  return {random_guid(), header("x-ms-client-request-id"), std::move(version),
          head.method == "HEAD"};
}

class UploadExchange final : public Exchange {
 public:
  UploadExchange(std::unique_ptr<Upload> upload, Echo echo,
                 const std::function<contract::UnixSeconds()>& now)
      : upload_(std::move(upload)), echo_(std::move(echo)), now_(now) {}

  Result<Ok, Reply> take(Bytes piece) override {
    auto taken = upload_->take(piece);
    if (!taken) return echo_.on(std::move(taken.error()), now_());
    return Ok{};
  }
  Reply finish() override { return echo_.on(upload_->finish(now_()), now_()); }

 private:
  std::unique_ptr<Upload> upload_;
  Echo echo_;
  const std::function<contract::UnixSeconds()>& now_;
};

Outcome reply_of(BlobResult<Reply> result) {
  if (!result) return std::move(result.error());
  return Outcome(std::move(result).value());
}

Outcome upload_of(BlobResult<std::unique_ptr<Upload>> result) {
  if (!result) return std::move(result.error());
  return Outcome(std::move(result).value());
}

BlobError unknown_operation(const BlobRequest& request) {
  if (request.head.method == "GET" || request.head.method == "HEAD" ||
      request.head.method == "PUT" || request.head.method == "DELETE") {
    return blob_error::invalid_query("comp or restype");
  }
  return {405, "UnsupportedHttpVerb", "The resource doesn't support the specified HTTP verb."};
}

bool asks_for_account(const BlobRequest& request) {
  const std::string& method = request.head.method;
  return (method == "GET" || method == "HEAD") && request.parameter("restype") == "account" &&
         request.parameter("comp") == "properties";
}

Outcome on_account(const Job& job, const BlobGrant& grant) {
  if (job.request.head.method == "GET" && job.request.parameter("comp") == "list") {
    OTA_TRY(grant.require("l", 's'));
    return reply_of(blob::list_containers(job));
  }
  return unknown_operation(job.request);
}

Outcome on_container(const Job& job, const BlobGrant& grant) {
  const std::string& method = job.request.head.method;
  const std::string comp = job.request.parameter("comp");
  const bool reads = method == "GET" || method == "HEAD";
  if (job.request.parameter("restype") != "container") return unknown_operation(job.request);
  if (method == "GET" && comp == "list") {
    OTA_TRY(grant.require("l", 'c'));
    return reply_of(blob::list_blobs(job));
  }
  if (reads && (comp.empty() || comp == "metadata")) {
    OTA_TRY(grant.require("r", 'c'));
    return reply_of(blob::container_properties(job));
  }
  if (reads && comp == "acl") {
    OTA_TRY(grant.require_owner());
    return reply_of(blob::container_policies(job));
  }
  if (method == "PUT" && comp == "metadata") {
    OTA_TRY(grant.require("w", 'c'));
    return reply_of(blob::set_container_metadata(job));
  }
  if (method == "PUT" && comp.empty()) {
    OTA_TRY(grant.require("cw", 'c'));
    return reply_of(blob::create_container(job));
  }
  if (method == "DELETE" && comp.empty()) {
    OTA_TRY(grant.require("d", 'c'));
    return reply_of(blob::delete_container(job));
  }
  return unknown_operation(job.request);
}

/// Uploads take the request over.
Outcome on_upload(BlobStore& store, BlobRequest request, const BlobGrant& grant) {
  const std::string comp = request.parameter("comp");
  OTA_TRY(const auto existing, store.find({request.container, request.blob}));
  // To create is to put a whole blob; blocks need the right to write, also of a new blob.
  OTA_TRY(grant.require(comp.empty() && !existing ? "cw" : "w", 'o'));
  if (comp == "block") return upload_of(blob::begin_put_block(store, std::move(request)));
  if (comp == "blocklist") return upload_of(blob::begin_put_block_list(store, std::move(request)));
  return upload_of(blob::begin_put_blob(store, std::move(request)));
}

Outcome on_blob(const Job& job, const BlobGrant& grant) {
  const std::string& method = job.request.head.method;
  const std::string comp = job.request.parameter("comp");
  if (method == "GET" || method == "HEAD") {
    OTA_TRY(grant.require("r", 'o'));
    if (comp.empty()) return reply_of(blob::get_blob(job));
    if (comp == "metadata") return reply_of(blob::get_metadata(job));
    if (comp == "blocklist" && method == "GET") return reply_of(blob::get_block_list(job));
  } else if (method == "PUT" && (comp == "metadata" || comp == "properties")) {
    OTA_TRY(grant.require("w", 'o'));
    return reply_of(comp == "metadata" ? blob::set_metadata(job) : blob::set_properties(job));
  } else if (method == "DELETE" && comp.empty()) {
    OTA_TRY(grant.require("d", 'o'));
    return reply_of(blob::delete_blob(job));
  }
  return unknown_operation(job.request);
}

bool is_upload(const BlobRequest& request) {
  const std::string comp = request.parameter("comp");
  return request.head.method == "PUT" && !request.blob.empty() &&
         (comp.empty() || comp == "block" || comp == "blocklist") &&
         !request.has_header("x-ms-copy-source");
}

class Service final : public BlobService {
 public:
  Service(BlobAccount account, std::unique_ptr<BlobStore> store,
          std::function<contract::UnixSeconds()> now)
      : account_(std::move(account)), store_(std::move(store)), now_(std::move(now)) {}

  std::string connection_string(const std::string& endpoint) const override {
    return account_.connection_string(endpoint);
  }

  Begun begin(RequestHead head) override {
    const Echo echo = echo_of(head);
    auto request = parse_blob_request(std::move(head), account_.name, echo.request_id);
    if (!request) return echo.on(std::move(request.error()), now_());
    Outcome outcome = act(std::move(request).value());
    if (!outcome) return echo.on(std::move(outcome.error()), now_());
    if (auto* reply = std::get_if<Reply>(&outcome.value()))
      return echo.on(std::move(*reply), now_());
    return std::make_unique<UploadExchange>(std::move(std::get<1>(outcome.value())), echo, now_);
  }

 private:
  Outcome act(BlobRequest request) {
    OTA_TRY(const BlobGrant grant, authorize(request, account_, now_()));
    if (is_upload(request)) return on_upload(*store_, std::move(request), grant);
    if (request.has_header("x-ms-copy-source")) {
      return BlobError{501, "NotImplemented", "This hub does not copy blobs; upload the content."};
    }
    const Job job{*store_, request, now_()};
    if (asks_for_account(request)) return reply_of(blob::account_information());
    if (request.container.empty()) return on_account(job, grant);
    return request.blob.empty() ? on_container(job, grant) : on_blob(job, grant);
  }

  BlobAccount account_;
  std::unique_ptr<BlobStore> store_;
  std::function<contract::UnixSeconds()> now_;
};

}  // namespace

Result<std::unique_ptr<BlobService>, std::string> BlobService::open(
    const std::string& directory, const std::function<contract::UnixSeconds()>& now) {
  if (const auto made = make_private_directory(directory); !made) return made.error().message;
  OTA_TRY(BlobAccount account, BlobAccount::open(directory));
  OTA_TRY(auto store, BlobStore::open(directory, now()));
  return std::unique_ptr<BlobService>(
      std::make_unique<Service>(std::move(account), std::move(store), now));
}

}  // namespace ota::hub
