// What a device with valid credentials sends over MQTT, on the real core of the hub. Properties:
// the hub's packets are MQTT and its payloads JSON, its queue keeps its limit, no request is
// answered "server error", and afterwards the device's twin can be read.
//
// Input, a step in each line: "publish QOS TOPIC PAYLOAD", "subscribe QOS FILTER", "unsubscribe
// FILTER", "puback ID", "desired JSON" (an operator changes the twin), "method JSON" (an operator
// calls one), "message TEXT" (an operator sends one), "bytes ..." as they are. The first line "dps"
// makes it a conversation with DPS.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "base/encoding.hpp"
#include "cloud/hub/core/core.hpp"
#include "cloud/hub/files/scratch_directory.hpp"
#include "cloud/hub/mqtt/client_packets.hpp"
#include "cloud/hub/mqtt/packet.hpp"
#include "cloud/hub/mqtt/session.hpp"
#include "contract/azure/sas.hpp"
#include "fuzz/require.hpp"
#include "fuzz/script.hpp"

namespace {

using namespace ota;
using fuzz::require;
using nlohmann::json;
namespace client = hub::mqtt::client;

constexpr contract::UnixSeconds kNow = 1'800'000'000;
constexpr const char* kDevice = "dev-1";
constexpr const char* kDeviceKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A hub on disk: its core is opened by directory only.
class Site {
 public:
  Site() {
    auto opened = hub::Core::open({.state_directory = scratch_.path() + "/state",
                                   .host_names = {"hub.local"},
                                   .mqtt_port = 18883,
                                   .https_port = 18443,
                                   .now = [] { return kNow; }});
    require(opened.has_value());
    core_ = std::move(opened).value();
  }

  hub::Core& core() { return *core_; }

  hub::HttpResponse call(const std::string& method, const std::string& path, std::string body,
                         const std::string& policy = "iothubowner") {
    const bool dps = policy != "iothubowner";
    const hub::Access access = core_->access();
    const auto key =
        from_base64(dps ? access.provisioningserviceowner_key : access.iothubowner_key);
    hub::HttpRequest request{.method = method,
                             .path = path,
                             .query = "api-version=2021-04-12",
                             .headers = {},
                             .body = std::move(body),
                             .peer_address = {}};
    request.headers.add("Authorization",
                        contract::make_hub_sas("hub.local", *key, kNow + 60, policy));
    return core_->handle(request).value();
  }

  /// As it was at first.
  void reset() {
    call("DELETE", "/registrations/dev-1", {}, "provisioningserviceowner");
    call("DELETE", "/devices/dev-1", {});
    const json device = {
        {"deviceId", kDevice},
        {"authentication",
         {{"type", "sas"},
          {"symmetricKey", {{"primaryKey", kDeviceKey}, {"secondaryKey", kDeviceKey}}}}}};
    require(call("PUT", "/devices/dev-1", device.dump()).status == 200);
  }

  client::ConnectOptions hub_login() {
    user_ = "hub.local/dev-1/?api-version=2021-04-12";
    password_ = contract::make_hub_sas("hub.local/devices/dev-1", *from_base64(kDeviceKey),
                                       kNow + 3600, {});
    return login();
  }

  client::ConnectOptions dps_login() {
    const hub::Access access = core_->access();
    const auto group = from_base64(access.enrollment_group_key);
    const auto key = from_base64(contract::derive_device_key(*group, kDevice));
    user_ = access.id_scope + "/registrations/dev-1/api-version=2019-03-31";
    password_ = contract::make_hub_sas(access.id_scope + "/registrations/dev-1", *key, kNow + 3600,
                                       "registration");
    return login();
  }

 private:
  client::ConnectOptions login() {
    client::ConnectOptions options;
    options.client_id = kDevice;
    options.user_name = user_;
    options.password = password_;
    return options;
  }

  hub::ScratchDirectory scratch_;
  std::unique_ptr<hub::Core> core_;
  std::string user_, password_;
};

class Conversation {
 public:
  explicit Conversation(Site& site) : site_(site) {}

  void connect(const client::ConnectOptions& login) {
    feed(client::connect(login));
    require(!session_.closing());
  }

  void step(std::string_view command, std::string_view rest) {
    if (session_.closing()) return;
    if (command == "publish") {
      const unsigned qos = fuzz::number_of(fuzz::take_until(rest, " ")) % 2;
      const std::string_view topic = fuzz::take_until(rest, " ");
      feed(client::publish(topic, rest, qos));
    } else if (command == "subscribe") {
      const unsigned qos = fuzz::number_of(fuzz::take_until(rest, " ")) % 2;
      feed(client::subscribe(rest, qos));
    } else if (command == "unsubscribe") {
      feed(client::unsubscribe(rest));
    } else if (command == "puback") {
      feed(client::puback(fuzz::number_of(rest) % 65536));
    } else if (command == "desired") {
      const std::string body = R"({"properties":{"desired":)" + std::string(rest) + "}}";
      require(site_.call("PATCH", "/twins/dev-1", body).status < 500);
      take_output();
    } else if (command == "method") {
      calls_.push_back(site_.call("POST", "/twins/dev-1/methods", std::string(rest)));
      take_output();
    } else if (command == "message") {
      const std::string queue = "/devices/dev-1/messages/devicebound";
      require(site_.call("POST", queue, std::string(rest)).status < 500);
      take_output();
    } else if (command == "bytes") {
      feed(std::string(rest));
    }
  }

  void end() {
    session_.gone();
    for (const hub::HttpResponse& call : calls_) {
      const auto answer = call.later ? call.later->take() : nullptr;
      if (answer) require(json::accept(answer->body) && answer->status != 500);
    }
  }

 private:
  void feed(const std::string& bytes) {
    session_.feed(bytes_of(bytes), Instant{});
    take_output();
  }

  void take_output() {
    Bytes output = session_.output();
    require(output.size() <= hub::mqtt::kWaitingBytesMax);
    const std::size_t size = output.size();
    while (!output.empty()) {
      const auto frame = hub::mqtt::first_frame(output, output.size());
      require(frame.has_value() && frame.value().has_value());
      check(**frame);
      output = output.subspan((*frame)->size_bytes);
    }
    session_.sent(size, Instant{});
  }

  static void check(const hub::mqtt::Frame& frame) {
    if (static_cast<hub::mqtt::PacketType>(frame.type) != hub::mqtt::PacketType::Publish) return;
    const auto message = hub::mqtt::parse_publish(frame);
    require(message.has_value());
    if (message->topic.starts_with("devices/dev-1/messages/devicebound/")) return;
    require(message->payload.empty() || json::accept(text_of(message->payload)));
    require(message->topic.find("/res/500") == std::string_view::npos);
  }

  Site& site_;
  std::vector<hub::HttpResponse> calls_;
  hub::mqtt::SessionMemory memory_;
  const std::function<contract::UnixSeconds()> wall_clock_ = [] { return kNow; };
  hub::mqtt::Session session_{site_.core(), memory_, wall_clock_, {}, Instant{}};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Site site;
  site.reset();
  std::string_view script = text_of(std::as_bytes(std::span(data, size)));
  const bool dps = script.starts_with("dps\n");
  if (dps) fuzz::take_until(script, "\n");
  Conversation conversation(site);
  conversation.connect(dps ? site.dps_login() : site.hub_login());
  fuzz::play(script, 64, [&](auto command, auto rest) { conversation.step(command, rest); });
  conversation.end();
  const hub::HttpResponse twin = site.call("GET", "/twins/dev-1", {});
  require(twin.status == 200 && json::accept(twin.body));
  return 0;
}
