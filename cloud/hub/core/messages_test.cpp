#include "cloud/hub/core/messages.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "cloud/hub/core/test_hub.hpp"

namespace ota::hub {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using Fields = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kQueue = "/devices/d1/messages/devicebound";

class MessagesTest : public HubTest {
 protected:
  void SetUp() override {
    HubTest::SetUp();
    const auto created = call("PUT", "/devices/d1", R"({"deviceId":"d1"})");
    ASSERT_EQ(created.status, 200);
    key_ = json::parse(created.body)["authentication"]["symmetricKey"]["primaryKey"];
  }

  int send(const std::string& body, const Fields& fields = {}) {
    return call("POST", kQueue, body, fields).status;
  }
  HttpResponse as_device(const std::string& method, const std::string& path,
                         const std::string& body = {}, const std::string& more_query = {},
                         const Fields& fields = {}) {
    HttpRequest request{.method = method,
                        .path = path,
                        .query = "api-version=2021-04-12" + more_query,
                        .headers = {},
                        .body = body,
                        .peer_address = "127.0.0.1"};
    request.headers.add("Authorization", contract::make_hub_sas("hub.local/devices/d1",
                                                                key_of(key_), now_ + 3600, {}));
    for (const auto& [name, value] : fields) request.headers.add(name, value);
    return core_->handle(request).value();
  }
  static std::string token_of(const HttpResponse& message) {
    const std::string tag(message.headers.find("ETag").value_or("\"\""));
    return tag.substr(1, tag.size() - 2);
  }
  void connect(Delivery delivery = Delivery::Sent) {
    link_.delivery = delivery;
    core_->connected("d1", link_);
    core_->listening("d1");
  }
  void disconnect() { core_->disconnected("d1", link_); }
  std::size_t waiting() {
    const auto device = json::parse(call("GET", "/devices/d1").body);
    const auto twin = json::parse(call("GET", "/twins/d1").body);
    EXPECT_EQ(device["cloudToDeviceMessageCount"], twin["cloudToDeviceMessageCount"]);
    return device["cloudToDeviceMessageCount"];
  }
  void pass(int seconds) {
    now_ += seconds;
    core_->tick();
  }

  RecordingLink link_;
  std::string key_;
};

TEST_F(MessagesTest, DeliversToAConnectedDeviceAndForgetsWhatIsAcknowledged) {
  connect();
  EXPECT_EQ(send("hello", {{"iothub-messageid", "m1"}, {"iothub-app-color", "red"}}), 204);
  ASSERT_EQ(link_.messages.size(), 1U);
  EXPECT_EQ(link_.messages[0].body, "hello");
  EXPECT_EQ(link_.messages[0].properties,
            "%24.to=%2Fdevices%2Fd1%2Fmessages%2FdeviceBound&%24.mid=m1&color=red");
  EXPECT_EQ(waiting(), 1U);
  core_->message_completed("d1", link_.messages[0].sequence);
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(MessagesTest, KeepsMessagesForADeviceThatIsAwayAcrossARestart) {
  const std::string binary("\x00\xFF body", 7);
  EXPECT_EQ(send("one"), 204);
  EXPECT_EQ(send(binary), 204);
  open();
  connect();
  ASSERT_EQ(link_.messages.size(), 2U);
  EXPECT_EQ(link_.messages[0].body, "one");
  EXPECT_EQ(link_.messages[1].body, binary);
}

TEST_F(MessagesTest, AnswersTheQueryForDevicesThatHaveMessages) {
  send("one");
  const auto rows =
      call("POST", "/devices/query",
           R"({"query":"SELECT deviceId FROM devices WHERE cloudToDeviceMessageCount = 1"})");
  EXPECT_EQ(json::parse(rows.body), json::parse(R"([{"deviceId":"d1"}])"));
}

TEST_F(MessagesTest, ForgetsWithQos0WhatWasSent) {
  connect(Delivery::Done);
  send("hello");
  EXPECT_EQ(link_.messages.size(), 1U);
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(MessagesTest, DeliversAgainWhenTheLockEndsOrTheDeviceReconnects) {
  connect();
  send("hello");
  pass(59);
  core_->listening("d1");
  EXPECT_EQ(link_.messages.size(), 1U);
  pass(1);
  EXPECT_EQ(link_.messages.size(), 2U);
  disconnect();
  connect();
  EXPECT_EQ(link_.messages.size(), 3U);
}

TEST_F(MessagesTest, SaysWhetherAnUnacknowledgedMessageIsStillToBeSent) {
  connect();
  send("hello");
  const std::uint64_t sequence = link_.messages.at(0).sequence;
  EXPECT_TRUE(core_->redeliver("d1", sequence));
  EXPECT_FALSE(core_->redeliver("d2", sequence));
  core_->message_completed("d1", sequence);
  EXPECT_FALSE(core_->redeliver("d1", sequence));
}

TEST_F(MessagesTest, GivesUpAfterTenDeliveries) {
  send("hello");
  for (int i = 0; i < kDeliveriesMax; ++i) {
    connect();
    disconnect();
  }
  EXPECT_EQ(link_.messages.size(), 10U);
  connect();
  EXPECT_EQ(link_.messages.size(), 10U);
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(MessagesTest, ForgetsMessagesAtTheirExpiry) {
  send("short", {{"iothub-expiry", contract::to_iso8601(now_ + 60)}});
  send("default");
  pass(60);
  EXPECT_EQ(waiting(), 1U);
  pass(3600);
  EXPECT_EQ(waiting(), 0U);
  connect();
  EXPECT_TRUE(link_.messages.empty());
}

TEST_F(MessagesTest, RefusesTheFiftyFirstMessage) {
  for (std::size_t i = 0; i < kMessagesPendingMax; ++i) ASSERT_EQ(send("x"), 204);
  const auto refused = call("POST", kQueue, "x");
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.headers.find("iothub-errorcode"), "DeviceMaximumQueueDepthExceeded");
  const auto purged = call("DELETE", "/devices/d1/commands");
  EXPECT_EQ(purged.status, 200);
  EXPECT_EQ(json::parse(purged.body),
            json::parse(R"({"totalMessagesPurged":50,"deviceId":"d1","moduleId":null})"));
  EXPECT_EQ(send("x"), 204);
}

TEST_F(MessagesTest, RefusesMessagesThatBreakTheRules) {
  EXPECT_EQ(send(std::string(kMessageBytesMax + 1, 'x')), 413);
  EXPECT_EQ(send("x", {{"iothub-expiry", "soon"}}), 400);
  EXPECT_EQ(send("x", {{"iothub-expiry", contract::to_iso8601(now_ + 49 * 3600)}}), 400);
  EXPECT_EQ(send("x", {{"iothub-ack", "maybe"}}), 400);
  EXPECT_EQ(call("POST", "/devices/none/messages/devicebound", "x").status, 404);
  EXPECT_EQ(as_device("POST", kQueue, "x").status, 401);
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(MessagesTest, TakesTheAddresseeFromAHeaderFieldToo) {
  const Fields to = {{"iothub-to", "/devices/d1/messages/devicebound"}};
  EXPECT_EQ(call("POST", "/messages/deviceBound", "x", to).status, 204);
  EXPECT_EQ(call("POST", "/messages/deviceBound", "x", {{"iothub-to", "d1"}}).status, 400);
  EXPECT_EQ(waiting(), 1U);
}

TEST_F(MessagesTest, DiesWithItsDevice) {
  send("x");
  call("DELETE", "/devices/d1");
  call("PUT", "/devices/d1", R"({"deviceId":"d1"})");
  EXPECT_EQ(waiting(), 0U);
}

// ---- Over HTTPS ----

TEST_F(MessagesTest, LetsADeviceFetchAndCompleteOverHttps) {
  send("hello", {{"iothub-messageid", "m1"}, {"iothub-app-color", "red"}});
  const auto message = as_device("GET", kQueue);
  EXPECT_EQ(message.status, 200);
  EXPECT_EQ(message.body, "hello");
  EXPECT_EQ(message.headers.find("iothub-messageid"), "m1");
  EXPECT_EQ(message.headers.find("iothub-app-color"), "red");
  EXPECT_EQ(message.headers.find("iothub-to"), "/devices/d1/messages/deviceBound");
  EXPECT_EQ(message.headers.find("iothub-deliverycount"), "1");
  EXPECT_EQ(as_device("GET", kQueue).status, 204);  // the only one is locked
  const std::string place = std::string(kQueue) + "/" + token_of(message);
  EXPECT_EQ(as_device("DELETE", place).status, 204);
  EXPECT_EQ(waiting(), 0U);
  EXPECT_EQ(as_device("DELETE", place).headers.find("iothub-errorcode"), "DeviceMessageLockLost");
}

TEST_F(MessagesTest, LetsADeviceAbandonAndRejectOverHttps) {
  send("hello");
  const auto place = [&](const HttpResponse& message) {
    return std::string(kQueue) + "/" + token_of(message);
  };
  EXPECT_EQ(as_device("POST", place(as_device("GET", kQueue)) + "/abandon").status, 204);
  const auto again = as_device("GET", kQueue);
  EXPECT_EQ(again.headers.find("iothub-deliverycount"), "2");
  EXPECT_EQ(as_device("DELETE", place(again), {}, "&reject").status, 204);
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(MessagesTest, LosesTheLockAfterAMinute) {
  send("hello");
  const auto message = as_device("GET", kQueue);
  pass(60);
  EXPECT_EQ(as_device("DELETE", std::string(kQueue) + "/" + token_of(message)).status, 412);
  EXPECT_EQ(as_device("GET", kQueue).status, 200);
}

TEST_F(MessagesTest, ServesOnlyTheDeviceItself) {
  ASSERT_EQ(call("PUT", "/devices/d2", R"({"deviceId":"d2"})").status, 200);
  EXPECT_EQ(as_device("GET", "/devices/d2/messages/devicebound").status, 401);
  EXPECT_EQ(as_device("POST", "/devices/d2/messages/events", "x").status, 401);
  EXPECT_EQ(as_device("GET", "/devices/d1").status, 401);
  EXPECT_EQ(call("PUT", "/devices/d1", R"({"status":"disabled"})", {{"If-Match", "*"}}).status,
            200);
  EXPECT_EQ(as_device("GET", kQueue).status, 401);
}

TEST_F(MessagesTest, TakesTelemetryOverHttps) {
  const std::string events = "/devices/d1/messages/events";
  EXPECT_EQ(as_device("POST", events, "21").status, 204);
  const Fields batch = {{"Content-Type", "application/vnd.microsoft.iothub.json"}};
  EXPECT_EQ(as_device("POST", events,
                      R"([{"body":"MjE=","properties":{"iothub-app-a":"1"}},)"
                      R"({"body":"text","base64Encoded":false}])",
                      {}, batch)
                .status,
            204);
  EXPECT_EQ(as_device("POST", events, R"([{"body":"!"}])", {}, batch).status, 400);
  EXPECT_EQ(as_device("POST", events, "{}", {}, batch).status, 400);
  EXPECT_EQ(as_device("POST", events, std::string(300'000, 'x')).status, 413);
}

}  // namespace
}  // namespace ota::hub
