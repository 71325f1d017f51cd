#pragma once

// For tests: a hub and a storage account as far as the use cases look at them, and the clients to
// talk to them.

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/encoding.hpp"
#include "cloud/rollout/deploy.hpp"
#include "tests/http/recorded_pause.hpp"
#include "tests/http/scripted_server.hpp"

namespace ota::rollout {

class ScriptedCloud {
 public:
  using Json = nlohmann::json;

  test::Response answer(const test::Request& request) {
    if (refuse_status != 0) return {.status = refuse_status};
    if (request.path == "/configurations") return {.body = list()};
    if (request.path.starts_with("/configurations/")) return answer_configuration(request);
    if (request.path == "/devices/query") return {.body = query_rows};
    if (request.query == "restype=container") return {.status = 201};
    return answer_blob(request);
  }

  /// Stores it with an etag of its own, as another operator would.
  void put(const rest::Configuration& configuration) {
    configurations[configuration.id] = rest::encode_configuration(configuration);
    ++etags[configuration.id];
  }
  void remove(const std::string& id) {
    configurations.erase(id);
    ++etags[id];
  }
  rest::Configuration get(const std::string& id) {
    auto out = rest::parse_configuration(with_etag(id));
    return out ? *out : rest::Configuration();
  }
  /// What the hub counts for a configuration, as it lists it.
  void count(const std::string& id, const Json& metrics, int targeted) {
    counts[id] = {{"metrics", {{"results", metrics}}},
                  {"systemMetrics", {{"results", {{"targetedCount", targeted}}}}}};
  }
  std::vector<std::string> ids() const {
    std::vector<std::string> out;
    for (const auto& [id, json] : configurations) out.push_back(id);
    return out;
  }

  std::map<std::string, std::string> configurations;  // bodies as they were written
  std::map<std::string, int> etags;
  std::map<std::string, Json> counts;
  std::map<std::string, test::Request> blobs;
  std::string query_rows = "[]";
  /// Called before a configuration is created, changed or deleted ("PUT", "DELETE").
  std::function<void(const std::string& method, const std::string& id)> before_write =
      [](const std::string&, const std::string&) {};
  int refuse_status = 0;
  int delete_status = 204;

 private:
  std::string with_etag(const std::string& id) const {
    const auto it = configurations.find(id);
    if (it == configurations.end()) return {};
    Json out = Json::parse(it->second);
    out["etag"] = std::to_string(etags.at(id));
    if (const auto counted = counts.find(id); counted != counts.end()) {
      out.merge_patch(counted->second);
    }
    return out.dump();
  }

  std::string list() const {
    Json out = Json::array();
    for (const auto& [id, json] : configurations) out.push_back(Json::parse(with_etag(id)));
    return out.dump();
  }

  bool matches(const test::Request& request, const std::string& id) {
    const std::string wanted = request.header("If-Match");
    return wanted == "*" || wanted == "\"" + std::to_string(etags[id]) + "\"";
  }

  test::Response answer_configuration(const test::Request& request) {
    const std::string id = request.path.substr(std::string("/configurations/").size());
    if (request.method != "GET") {
      const auto hook = before_write;  // which may put another one into its place
      hook(request.method, id);
    }
    const bool exists = configurations.contains(id);
    if (request.method == "DELETE") {
      if (!exists) return {.status = 404};
      if (!matches(request, id)) return {.status = 412};
      if (delete_status == 204) remove(id);
      return {.status = delete_status};
    }
    if (request.method == "PUT") {
      const bool creates = request.header("If-Match").empty();
      if (creates && exists) return {.status = 409};
      if (!creates && !exists) return {.status = 404};
      if (!creates && !matches(request, id)) return {.status = 412};
      const auto changed = Json::parse(request.body);
      if (!creates && changed["content"] != Json::parse(configurations[id])["content"]) {
        return {.status = 400};
      }
      configurations[id] = request.body;
      ++etags[id];
      return {.body = with_etag(id)};
    }
    if (!exists) return {.status = 404};
    return {.body = with_etag(id)};
  }

  test::Response answer_blob(const test::Request& request) {
    const auto it = blobs.find(request.path);
    if (request.method == "PUT") {
      if (it != blobs.end()) return {.status = 409};
      blobs[request.path] = request;
      return {.status = 201};
    }
    if (it == blobs.end()) return {.status = 404};
    const std::string& body = it->second.body;
    if (request.method == "HEAD") {
      return {.headers = {{"Content-Length", std::to_string(body.size())},
                          {"Content-MD5", it->second.header("Content-MD5")},
                          {"ETag", "\"blob\""}}};
    }
    if (request.header("If-Match") != "\"blob\"") return {.status = 412};
    std::size_t first = 0;
    std::size_t last = 0;
    const std::string range = request.header("x-ms-range");
    if (std::sscanf(range.c_str(), "bytes=%zu-%zu", &first, &last) != 2) return {.status = 400};
    return {.status = 206, .body = body.substr(first, last - first + 1)};
  }
};

/// Clients of a ScriptedCloud, and a folder for files.
class CloudRig {
 public:
  CloudRig() {
    std::string name = (std::filesystem::temp_directory_path() / "rollout_test.XXXXXX").string();
    folder = ::mkdtemp(name.data());
  }
  CloudRig(const CloudRig&) = delete;
  CloudRig& operator=(const CloudRig&) = delete;
  ~CloudRig() { std::filesystem::remove_all(folder); }

  std::string file(const std::string& name, const std::string& content) const {
    std::ofstream(folder / name, std::ios::binary) << content;
    return (folder / name).string();
  }

  Cloud clients() {
    return {.hub = hub, .blobs = blobs, .now = [this] { return now; }};
  }

  contract::UnixSeconds now = 1'893'456'000;  // 2030-01-01T00:00:00Z
  ScriptedCloud cloud;
  std::filesystem::path folder;
  test::RecordedPause pause;
  SplitMix64 random{1};
  test::ScriptedServer server{
      [this](const test::Request& request) { return cloud.answer(request); }};
  rest::ClientSetup setup = {
      .now = [this] { return now; }, .pause = pause, .random = random, .retry = {}};
  rest::HubClient hub{{.host_name = "hub",
                       .gateway_host_name = {},
                       .device_id = {},
                       .policy = "owner",
                       .key = *from_base64("AAEC")},
                      setup,
                      server.url()};
  rest::BlobClient blobs{
      {.account = "a", .key = *from_base64("AAEC"), .blob_endpoint = server.url() + "/a"}, setup};
};

class NoObserver final : public DeployObserver {
 public:
  void uploading(std::uint64_t done_bytes, std::uint64_t) override { last = done_bytes; }
  std::uint64_t last = 0;
};

}  // namespace ota::rollout
