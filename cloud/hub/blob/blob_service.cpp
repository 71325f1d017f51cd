#include "cloud/hub/blob/blob_service.hpp"

#include <spdlog/spdlog.h>

#include <utility>
#include <variant>

#include "cloud/hub/blob/blob_account.hpp"
#include "cloud/hub/blob/blob_auth.hpp"
#include "cloud/hub/blob/blob_demands.hpp"
#include "cloud/hub/blob/blob_operations.hpp"
#include "cloud/hub/core/secrets.hpp"
#include "contract/azure/percent.hpp"

namespace ota::hub {
namespace {

using blob::Job;
using blob::Upload;
using Outcome = BlobResult<std::variant<Reply, std::unique_ptr<Upload>>>;

constexpr contract::UnixSeconds kExpireEvery_s = 60 * 60;

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
  if (version.empty()) version = kDefaultServiceVersion;
  return {random_guid(), header("x-ms-client-request-id"), std::move(version),
          head.method == "HEAD"};
}

/// What becomes of an upload whose body is complete. Kept by the steps that are still to come.
class Completion : public std::enable_shared_from_this<Completion> {
 public:
  struct Parts {
    BlobStore& store;
    const std::function<contract::UnixSeconds()>& now;
    std::unique_ptr<Upload> upload;
    Echo echo;
  };
  explicit Completion(Parts parts) : parts_(std::move(parts)) {}

  /// In one go.
  Reply run() {
    settle();
    store();
    sync();
    return answer();
  }

  /// The same, with what waits for the disk in the worker's thread.
  void run_on(DiskWorker& disk, std::weak_ptr<LaterAnswer> caller) {
    disk.run([self = shared_from_this()] { self->settle(); },
             [self = shared_from_this(), &disk, caller = std::move(caller)] {
               self->store();
               disk.run([self] { self->sync(); }, [self, caller] { self->give(caller); });
             });
  }

 private:
  /// A library that throws must cost one request.
  template <class Step>
  void guarded(Step step) {
    if (failure_) return;
    try {
      auto result = step();
      if (!result) failure_ = std::move(result.error());
    } catch (const std::exception& error) {
      failure_ = blob_error::internal(error.what());
    }
  }
  void settle() {
    guarded([this] { return parts_.upload->settle(); });
  }
  void store() {
    guarded([this]() -> BlobResult<Ok> {
      OTA_TRY(stored_, parts_.upload->store(parts_.now()));
      return Ok{};
    });
  }
  void sync() {
    guarded([this] { return parts_.store.sync_log(); });
  }
  Reply answer() {
    if (failure_) return parts_.echo.on(std::move(*failure_), parts_.now());
    parts_.store.drop(stored_.obsolete);
    return parts_.echo.on(std::move(stored_.reply), parts_.now());
  }
  void give(const std::weak_ptr<LaterAnswer>& caller) {
    Reply reply = answer();
    if (const auto waiting = caller.lock()) {
      waiting->give({.status = reply.status,
                     .headers = std::move(reply.headers),
                     .body = std::move(reply.body)});
    }
  }

  Parts parts_;
  Upload::Stored stored_;
  std::optional<BlobError> failure_;
};

class UploadExchange final : public Exchange {
 public:
  /// Without `disk` the request waits itself.
  UploadExchange(Completion::Parts parts, DiskWorker* disk)
      : parts_(std::move(parts)), disk_(disk) {}

  Result<Ok, Reply> take(Bytes piece) override {
    auto taken = parts_.upload->take(piece);
    if (!taken) return refusal(std::move(taken.error()));
    return Ok{};
  }

  Reply finish() override {
    if (auto complete = parts_.upload->complete(); !complete)
      return refusal(std::move(complete.error()));
    if (disk_ != nullptr && disk_->waiting() >= kUploadsWaitingMax)
      return refusal(blob_error::server_busy());
    const auto completion = std::make_shared<Completion>(std::move(parts_));
    if (disk_ == nullptr) return completion->run();
    Reply reply;
    reply.later = std::make_shared<LaterAnswer>();
    reply.later_for_sure = true;
    completion->run_on(*disk_, reply.later);
    return reply;
  }

 private:
  Reply refusal(BlobError error) const { return parts_.echo.on(std::move(error), parts_.now()); }

  Completion::Parts parts_;
  DiskWorker* disk_;
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

BlobError not_implemented(std::string message) {
  return {501, "NotImplemented", std::move(message)};
}

bool asks_for_account(const BlobRequest& request) {
  const std::string& method = request.head.method;
  return (method == "GET" || method == "HEAD") && request.parameter("restype") == "account" &&
         request.parameter("comp") == "properties";
}

/// Who may do it, and what else the request demands. Every operation on a container or blob passes.
BlobResult<Ok> admit(const BlobStore& store, const BlobRequest& request, const BlobGrant& grant,
                     std::string_view any_of) {
  OTA_TRY(grant.require(any_of, request.blob.empty() ? 'c' : 'o'));
  return blob::check_demands(store, request);
}

BlobResult<Ok> admit(const Job& job, const BlobGrant& grant, std::string_view any_of) {
  return admit(job.store, job.request, grant, any_of);
}

Outcome on_account(const Job& job, const BlobGrant& grant) {
  if (job.request.head.method == "GET" && job.request.parameter("comp") == "list") {
    OTA_TRY(grant.require("l", 's'));
    return reply_of(blob::list_containers(job));
  }
  const bool properties = job.request.parameter("restype") == "service" &&
                          job.request.parameter("comp") == "properties";
  if (properties && job.request.head.method == "GET") {
    OTA_TRY(grant.require("r", 's'));
    return reply_of(blob::service_properties());
  }
  if (properties && job.request.head.method == "PUT") {
    OTA_TRY(grant.require("w", 's'));
    return not_implemented("The properties of this hub's blob service cannot be changed.");
  }
  return unknown_operation(job.request);
}

Outcome on_container(const Job& job, const BlobGrant& grant) {
  const std::string& method = job.request.head.method;
  const std::string comp = job.request.parameter("comp");
  const bool reads = method == "GET" || method == "HEAD";
  if (job.request.parameter("restype") != "container") return unknown_operation(job.request);
  if (method == "GET" && comp == "list") {
    OTA_TRY(admit(job, grant, "l"));
    return reply_of(blob::list_blobs(job));
  }
  if (reads && (comp.empty() || comp == "metadata")) {
    OTA_TRY(admit(job, grant, "r"));
    return reply_of(blob::container_properties(job));
  }
  if (reads && comp == "acl") {
    OTA_TRY(grant.require_owner());
    OTA_TRY(blob::check_demands(job.store, job.request));
    return reply_of(blob::container_policies(job));
  }
  if (method == "PUT" && comp == "metadata") {
    OTA_TRY(admit(job, grant, "w"));
    return reply_of(blob::set_container_metadata(job));
  }
  if (method == "PUT" && comp.empty()) {
    OTA_TRY(admit(job, grant, "cw"));
    return reply_of(blob::create_container(job));
  }
  if (method == "DELETE" && comp.empty()) {
    OTA_TRY(admit(job, grant, "d"));
    return reply_of(blob::delete_container(job));
  }
  return unknown_operation(job.request);
}

/// Uploads take the request over.
Outcome on_upload(BlobStore& store, BlobRequest request, const BlobGrant& grant) {
  const std::string comp = request.parameter("comp");
  OTA_TRY(const auto existing, store.find({request.container, request.blob}));
  // To create is to put a whole blob; blocks need the right to write, also of a new blob.
  OTA_TRY(admit(store, request, grant, comp.empty() && !existing ? "cw" : "w"));
  if (comp == "block") return upload_of(blob::begin_put_block(store, std::move(request)));
  if (comp == "blocklist") return upload_of(blob::begin_put_block_list(store, std::move(request)));
  return upload_of(blob::begin_put_blob(store, std::move(request)));
}

Outcome on_blob(const Job& job, const BlobGrant& grant) {
  const std::string& method = job.request.head.method;
  const std::string comp = job.request.parameter("comp");
  if (method == "GET" || method == "HEAD") {
    OTA_TRY(admit(job, grant, "r"));
    if (comp.empty()) return reply_of(blob::get_blob(job));
    if (comp == "metadata") return reply_of(blob::get_metadata(job));
    if (comp == "blocklist" && method == "GET") return reply_of(blob::get_block_list(job));
  } else if (method == "PUT" && (comp == "metadata" || comp == "properties")) {
    OTA_TRY(admit(job, grant, "w"));
    return reply_of(comp == "metadata" ? blob::set_metadata(job) : blob::set_properties(job));
  } else if (method == "DELETE" && comp.empty()) {
    OTA_TRY(admit(job, grant, "d"));
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
          std::function<contract::UnixSeconds()> now, DiskWorker::Post post)
      : account_(std::move(account)),
        store_(std::move(store)),
        now_(std::move(now)),
        next_expiry_(now_() + kExpireEvery_s),
        disk_(post ? std::make_unique<DiskWorker>(std::move(post)) : nullptr) {}

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
    return std::make_unique<UploadExchange>(
        Completion::Parts{*store_, now_, std::move(std::get<1>(outcome.value())), echo},
        disk_.get());
  }

  void tick() override {
    const contract::UnixSeconds left = next_expiry_ - now_();
    if (left > 0 && left <= kExpireEvery_s) return;  // Wall clocks also jump back.
    next_expiry_ = now_() + kExpireEvery_s;
    (void)store_->expire_blocks(now_());  // What cannot go now goes in an hour.
  }

 private:
  Outcome act(BlobRequest request) {
    OTA_TRY(const BlobGrant grant, authorize(request, account_, now_()));
    OTA_TRY(blob::check_headers(request));
    if (is_upload(request)) return on_upload(*store_, std::move(request), grant);
    if (request.has_header("x-ms-copy-source")) {
      return not_implemented("This hub does not copy blobs; upload the content.");
    }
    const Job job{*store_, request, now_()};
    if (asks_for_account(request)) return reply_of(blob::account_information());
    if (request.container.empty()) return on_account(job, grant);
    return request.blob.empty() ? on_container(job, grant) : on_blob(job, grant);
  }

  BlobAccount account_;
  std::unique_ptr<BlobStore> store_;
  std::function<contract::UnixSeconds()> now_;
  contract::UnixSeconds next_expiry_;
  std::unique_ptr<DiskWorker> disk_;  // last: what it still does uses the store
};

}  // namespace

Result<std::unique_ptr<BlobService>, std::string> BlobService::open(
    const std::string& directory, const std::function<contract::UnixSeconds()>& now,
    DiskWorker::Post post) {
  if (const auto made = make_private_directory(directory); !made) return made.error().message;
  OTA_TRY(BlobAccount account, BlobAccount::open(directory));
  OTA_TRY(auto store, BlobStore::open(directory, now()));
  return std::unique_ptr<BlobService>(
      std::make_unique<Service>(std::move(account), std::move(store), now, std::move(post)));
}

}  // namespace ota::hub
