#pragma once

// A blob service on a scratch directory, and a client that signs, for tests.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/encoding.hpp"
#include "cloud/hub/blob/blob_auth.hpp"
#include "cloud/hub/blob/blob_service.hpp"
#include "cloud/hub/files/scratch_directory.hpp"
#include "cloud/hub/http/http_date.hpp"
#include "contract/azure/shared_key.hpp"

namespace ota::hub {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct BlobAnswer {
  int status = 0;
  HttpHeaders headers;
  std::string body;

  std::string header(std::string_view name) const {
    return std::string(headers.find(name).value_or(""));
  }
  std::string code() const { return header("x-ms-error-code"); }
};

class BlobRig {
 public:
  BlobRig() { reopen(); }

  void reopen(DiskWorker::Post post = {}) {
    service.reset();
    auto opened = BlobService::open(scratch.path() + "/blobs", clock, std::move(post));
    EXPECT_TRUE(opened) << opened.error();
    service = std::move(opened).value();
    account = BlobAccount::open(scratch.path() + "/blobs").value();
  }

  static RequestHead head(std::string method, const std::string& target, const Fields& fields) {
    RequestHead out;
    out.method = std::move(method);
    const std::size_t question = target.find('?');
    out.path = target.substr(0, question);
    if (question != std::string::npos) out.query = target.substr(question + 1);
    for (const auto& [name, value] : fields) out.headers.add(name, value);
    out.peer_address = "127.0.0.1";
    return out;
  }

  /// As it is: no signature is added.
  BlobAnswer send(RequestHead request, std::string_view body = {}) {
    Begun begun = service->begin(std::move(request));
    if (auto* reply = std::get_if<Reply>(&begun)) return collect(std::move(*reply));
    auto& exchange = *std::get<std::unique_ptr<Exchange>>(begun);
    for (std::size_t at = 0; at < body.size(); at += 1000) {  // in pieces, as from a socket
      auto taken = exchange.take(bytes_of(body.substr(at, 1000)));
      if (!taken) return collect(std::move(taken.error()));
    }
    return collect(exchange.finish());
  }

  /// Signed with the account's key. `target` begins with the container: "/fw/app.bin?comp=block".
  BlobAnswer call(const std::string& method, const std::string& target, Fields fields = {},
                  std::string_view body = {}) {
    fields.emplace_back("x-ms-date", to_http_date(now));
    fields.emplace_back("x-ms-version", "2021-12-02");
    if (method == "PUT") fields.emplace_back("Content-Length", std::to_string(body.size()));
    RequestHead request = head(method, "/mcuota" + target, fields);
    const auto authorization = contract::make_shared_key_authorization(
        {request.method, account.name, request.path, request.query, request.headers.all()},
        account.key);
    request.headers.add("Authorization", authorization.value_or(""));
    if (method == "PUT") request.content_length = body.size();
    return send(std::move(request), body);
  }

  BlobAnswer put(const std::string& target, std::string_view body, Fields fields = {}) {
    fields.emplace_back("x-ms-blob-type", "BlockBlob");
    return call("PUT", target, std::move(fields), body);
  }

  struct TokenFor {
    std::string container = "images";
    std::string blob = "";
    std::string permissions = "r";
    contract::UnixSeconds start = 0;
    contract::UnixSeconds expiry = 0;  // 0: in an hour
  };
  std::string sas(const TokenFor& wanted) const {
    contract::BlobSasGrant grant;
    grant.account = account.name;
    grant.container = wanted.container;
    grant.blob = wanted.blob;
    grant.permissions = wanted.permissions;
    grant.start = wanted.start;
    grant.expiry = wanted.expiry == 0 ? now + 3600 : wanted.expiry;
    return contract::make_blob_sas(grant, account.key);
  }

  std::size_t content_files() const {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator(scratch.path() + "/blobs/content"))
      ++count;
    return count;
  }

  ScratchDirectory scratch;
  contract::UnixSeconds now = 1'893'456'000;  // 2030-01-01T00:00:00Z
  std::function<contract::UnixSeconds()> clock = [this] { return now; };
  std::unique_ptr<BlobService> service;
  BlobAccount account;

 private:
  static BlobAnswer collect(Reply reply) {
    BlobAnswer answer{reply.status, std::move(reply.headers), std::move(reply.body)};
    if (!reply.stream) return answer;
    answer.body.resize(static_cast<std::size_t>(reply.stream->size()));
    for (std::size_t done = 0; done < answer.body.size();) {
      const auto size =
          reply.stream->read(std::as_writable_bytes(std::span(answer.body)).subspan(done));
      if (!size || size.value() == 0) break;
      done += size.value();
    }
    return answer;
  }
};

}  // namespace ota::hub
