// Requests to the service REST of IoT Hub and DPS, by a client with the right key. Properties: no
// request is answered "server error" (the state is a healthy database in memory, so that would be a
// mistake of ours), bodies are JSON, devices are told only JSON objects with a version, and
// afterwards jobs can be worked
// on and each device's twin can be read.
//
// Input: requests as http_script.hpp reads them. What every client sends is added where it is
// missing: api-version and Authorization.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "base/bytes.hpp"
#include "contract/azure/percent.hpp"
#include "fuzz/http_script.hpp"
#include "fuzz/hub_state.hpp"
#include "fuzz/require.hpp"

namespace {

using namespace ota;
using fuzz::require;
using nlohmann::json;

constexpr std::size_t kRequestsMax = 12;

/// The device "d1", always connected.
class Listener final : public hub::DeviceLink {
 public:
  void desired_patch(std::uint64_t version, std::string_view text) override {
    const json patch = json::parse(text, nullptr, false);
    require(patch.is_object() && patch.value("$version", json()) == version);
    require(version > last_);
    last_ = version;
  }
  bool method_request(const contract::MethodRequest& request, std::string_view payload) override {
    require(!request.method.empty() && !request.request_id.empty());
    require(json::accept(payload));
    return true;
  }
  hub::Delivery deliver(const hub::DeviceboundMessage& message) override {
    require(message.properties.find_first_of("/+#") == std::string::npos);
    return hub::Delivery::Sent;
  }
  void close(std::string_view reason) override { require(!reason.empty()); }

 private:
  std::uint64_t last_ = 0;
};

bool belongs_to_dps(std::string_view target) {
  return target.starts_with("/enrollment") || target.starts_with("/registration");
}

hub::HttpRequest request_of(const hub::Hub& state, std::string_view text) {
  hub::HttpRequest request = fuzz::read_request(text);
  if (request.query.empty()) request.query = "api-version=2021-04-12";
  if (!request.headers.find("Authorization")) {
    const auto service = belongs_to_dps(request.path) ? hub::Service::Dps : hub::Service::Hub;
    request.headers.add("Authorization", fuzz::service_token(state, service));
  }
  return request;
}

hub::HttpResponse send(hub::Hub& state, const hub::HttpRequest& request) {
  const auto response = hub::handle_rest(state, request);
  if (response && response->later) return {};                        // d1 never answers a method
  if (!response) return {.status = 404, .headers = {}, .body = {}};  // a blob request
  require(response->status >= 200 && response->status < 500);
  // A message that a device fetches is as its sender wrote it.
  const bool message = response->headers.find("iothub-deliverycount").has_value();
  require(message || response->body.empty() || json::accept(response->body));
  for (const auto& [name, value] : response->headers.all())
    require(value.find_first_of("\r\n") == std::string::npos);
  return *response;
}

void read_all_twins(hub::Hub& state) {
  const auto get = [&](const std::string& path) {
    return json::parse(send(state, request_of(state, "GET " + path)).body);
  };
  for (const json& device : get("/devices")) {
    const std::string id = device.at("deviceId");
    const json twin = get("/twins/" + contract::percent_encode(id));
    require(twin.at("deviceId") == id);
    require(twin.at("properties").at("desired").is_object());
    require(twin.at("properties").at("reported").is_object());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  hub::Hub& state = fuzz::empty_hub();
  Listener listener;
  state.links.add("d1", listener);
  std::string_view text = text_of(std::as_bytes(std::span(data, size)));
  for (std::size_t i = 0; i < kRequestsMax && !text.empty(); ++i)
    (void)send(state, request_of(state, fuzz::take_until(text, fuzz::kNextRequest)));
  require(state.jobs.advance(state.links).has_value());
  read_all_twins(state);
  state.links.remove("d1", listener);
  return 0;
}
