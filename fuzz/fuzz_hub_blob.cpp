// Requests to the blob service by a client with the account's key, or with whatever it says itself.
// Properties: nothing is a server error, what was stored comes back byte by byte, a range is the
// part that its header says, an error has its code, and when the containers are gone no file is
// left.
//
// Input: requests as http_script.hpp reads them. A Shared Key signature is added where neither
// Authorization nor a SAS is given; "/images" exists.

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/bytes.hpp"
#include "cloud/hub/blob/blob_range.hpp"
#include "cloud/hub/blob/blob_rig.hpp"
#include "fuzz/http_script.hpp"
#include "fuzz/require.hpp"

namespace {

using namespace ota;
using fuzz::require;

constexpr std::size_t kRequestsMax = 12;

void check(const hub::BlobAnswer& answer) {
  require(answer.status >= 200 && answer.status < 600 && answer.status != 500);
  if (answer.status >= 400) require(!answer.code().empty());
  for (const auto& [name, value] : answer.headers.all())
    require(value.find_first_of("\r\n") == std::string::npos);
}

hub::BlobAnswer call(hub::BlobRig& rig, const hub::HttpRequest& request) {
  const std::string target = request.path + (request.query.empty() ? "" : "?" + request.query);
  const bool has_own = request.headers.find("Authorization").has_value() ||
                       request.query.find("sig=") != std::string::npos;
  hub::BlobAnswer answer;
  if (has_own) {
    hub::RequestHead head =
        hub::BlobRig::head(request.method, "/mcuota" + target, request.headers.all());
    if (request.method == "PUT") head.content_length = request.body.size();
    answer = rig.send(std::move(head), request.body);
  } else {
    answer = rig.call(request.method, target, request.headers.all(), request.body);
  }
  check(answer);
  return answer;
}

/// A whole GET and a part of what was just stored.
void read_back(hub::BlobRig& rig, const hub::HttpRequest& put) {
  const auto whole = rig.call("GET", put.path);
  require(whole.status == 200 && whole.body == put.body);
  const std::string_view wanted = put.headers.find("Range").value_or("bytes=1-3");
  const auto range = hub::parse_range(wanted, put.body.size());
  const auto part = rig.call("GET", put.path, {{"Range", std::string(wanted)}});
  if (!range) {
    require(part.status == 416);
  } else if (!range.value()) {
    require(part.status == 200 && part.body == put.body);
  } else {
    const hub::ByteRange& bytes = **range;
    require(bytes.first <= bytes.last && bytes.last < put.body.size());
    require(part.status == 206 && part.body == put.body.substr(bytes.first, bytes.size()));
  }
}

bool stores_a_blob(const hub::HttpRequest& request) {
  return request.method == "PUT" && request.query.find("comp") == std::string::npos &&
         request.query.find("sig=") == std::string::npos &&
         !request.headers.find("Authorization") && request.headers.find("x-ms-blob-type") &&
         request.path.starts_with("/images/");
}

void remove_containers(hub::BlobRig& rig) {
  const std::string list = rig.call("GET", "/?comp=list").body;
  constexpr std::string_view kBegin = "<Name>";
  for (std::size_t at = list.find(kBegin); at != std::string::npos; at = list.find(kBegin, at)) {
    at += kBegin.size();
    const std::string name = list.substr(at, list.find('<', at) - at);
    require(rig.call("DELETE", "/" + name + "?restype=container").status == 202);
  }
  require(rig.content_files() == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static hub::BlobRig rig;
  require(rig.call("PUT", "/images?restype=container").status == 201);
  std::string_view text = text_of(std::as_bytes(std::span(data, size)));
  for (std::size_t i = 0; i < kRequestsMax && !text.empty(); ++i) {
    const hub::HttpRequest request = fuzz::read_request(fuzz::take_until(text, fuzz::kNextRequest));
    const auto answer = call(rig, request);
    if (answer.status == 201 && stores_a_blob(request)) read_back(rig, request);
  }
  remove_containers(rig);
  require(std::distance(std::filesystem::directory_iterator(rig.scratch.path()), {}) == 1);
  return 0;
}
