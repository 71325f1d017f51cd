#include "cloud/hub/websocket/session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/hub/http/http_session.hpp"
#include "cloud/hub/mqtt/client_packets.hpp"
#include "cloud/hub/mqtt/fake_core.hpp"
#include "cloud/hub/mqtt/session.hpp"
#include "cloud/hub/websocket/client_frames.hpp"
#include "cloud/hub/websocket/handshake.hpp"

namespace ota::hub::websocket {
namespace {

using client::binary;
using client::frame;
using std::chrono::seconds;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kAccepted("\x20\x02\x00\x00", 4);

/// An HTTP connection that becomes a WebSocket with MQTT inside, as the listener's do.
struct Rig final : HttpService {
  FakeCore core;
  mqtt::SessionMemory memory;
  std::function<std::int64_t()> wall_clock = [] { return std::int64_t{1'800'000'000}; };
  Instant now{};
  std::unique_ptr<ByteProtocol> protocol =
      std::make_unique<HttpSession>(*this, HttpPeer{"127.0.0.1", nullptr}, wall_clock, now);

  Begun begin(RequestHead head) override {
    return answer_upgrade(head, "mqtt", [this](Instant at) {
      return std::make_unique<mqtt::Session>(core, memory, wall_clock, mqtt::Session::Peer{}, at);
    });
  }

  std::string take() {
    std::string all;
    for (Bytes out = protocol->output(); !out.empty(); out = protocol->output()) {
      all += text_of(out);
      protocol->sent(out.size(), now);
      if (auto next = protocol->successor()) protocol = std::move(next);
    }
    return all;
  }
  std::string say(std::string_view bytes) {
    protocol->feed(bytes_of(bytes), now);
    return take();
  }
  void open() { ASSERT_THAT(say(request()), HasSubstr("101 Switching Protocols")); }
  void login() {
    open();
    ASSERT_EQ(say(binary(mqtt::client::connect())), frame_head(Opcode::Binary, 4) + kAccepted);
  }

  static std::string request(std::string_view without = {}, std::string_view with = {}) {
    std::string text = "GET /x HTTP/1.1\r\nHost: h\r\n";
    for (const std::string_view field :
         {"Connection: keep-alive, Upgrade\r\n", "Upgrade: WebSocket\r\n",
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "Sec-WebSocket-Version: 13\r\n",
          "Sec-WebSocket-Protocol: mqttv3.1, mqtt\r\n"}) {
      if (without.empty() || !field.starts_with(without)) text += field;
    }
    return text + std::string(with) + "\r\n";
  }
};

TEST(WebSocketHandshake, AnswersTheExampleOfTheStandard) {
  EXPECT_EQ(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocketHandshake, SwitchesProtocols) {
  Rig rig;
  const std::string answer = rig.say(Rig::request());
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 101 Switching Protocols\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
  EXPECT_THAT(answer, HasSubstr("\r\nSec-WebSocket-Protocol: mqtt\r\n"));
  EXPECT_THAT(answer, ::testing::Not(HasSubstr("Content-Length")));
}

TEST(WebSocketHandshake, RefusesWhatIsIncomplete) {
  const std::pair<std::string, std::string> cases[] = {
      {Rig::request("Upgrade"), "426"},
      {Rig::request("Connection"), "426"},
      {Rig::request("Sec-WebSocket-Version"), "426"},
      {Rig::request("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8\r\n"), "426"},
      {Rig::request("Sec-WebSocket-Key"), "400"},
      {Rig::request("Sec-WebSocket-Key", "Sec-WebSocket-Key: dG9vIHNob3J0\r\n"), "400"},
      {Rig::request("Sec-WebSocket-Protocol"), "400"},
      {Rig::request("Sec-WebSocket-Protocol", "Sec-WebSocket-Protocol: amqp\r\n"), "400"},
      {Rig::request({}, "Content-Length: 3\r\n") + "abc", "400"},
      {"POST" + Rig::request().substr(3), "400"},
  };
  for (const auto& [request, status] : cases) {
    Rig rig;
    EXPECT_THAT(rig.say(request), StartsWith("HTTP/1.1 " + status)) << request;
    EXPECT_FALSE(rig.protocol->closing());  // Still HTTP: the client may try again.
  }
}

TEST(WebSocketHandshake, TakesBytesThatFollowAtOnce) {
  Rig rig;
  const std::string answer = rig.say(Rig::request() + binary(mqtt::client::connect()));
  EXPECT_TRUE(answer.ends_with(frame_head(Opcode::Binary, 4) + kAccepted));
}

TEST(WebSocketHandshake, IsRefusedWhileTheHubStops) {
  Rig rig;
  rig.protocol->feed(bytes_of(Rig::request().substr(0, 30)), rig.now);
  rig.protocol->stop(rig.now);
  EXPECT_THAT(rig.say(Rig::request().substr(30)), StartsWith("HTTP/1.1 503"));
  EXPECT_TRUE(rig.protocol->closing());
}

TEST(WebSocketSession, CarriesMqttWhateverTheFrames) {
  Rig rig;
  rig.open();
  const std::string connect = mqtt::client::connect();
  EXPECT_EQ(rig.say(frame(2, connect.substr(0, 5), {.final = false})), "");
  EXPECT_EQ(rig.say(frame(0, connect.substr(5) + mqtt::client::pingreq())),
            frame_head(Opcode::Binary, 6) + kAccepted + std::string("\xD0\x00", 2));
}

TEST(WebSocketSession, WrapsALargeAnswerInFrames) {
  Rig rig;
  rig.login();
  rig.say(binary(mqtt::client::subscribe("$iothub/twin/PATCH/properties/desired/#")));
  const std::string json(kFramePayloadBytes, 'x');
  rig.core.links["dev-1"]->desired_patch(1, json);
  const std::string sent = rig.take();
  EXPECT_TRUE(sent.starts_with(frame_head(Opcode::Binary, kFramePayloadBytes)));
  const std::string rest = sent.substr(kFramePayloadBytes + 4);
  EXPECT_TRUE(rest.starts_with(frame_head(Opcode::Binary, rest.size() - 2)));
}

TEST(WebSocketSession, AnswersThePingThatCameLast) {
  Rig rig;
  rig.login();
  EXPECT_EQ(rig.say(frame(9, "one") + frame(9, "two")), frame_head(Opcode::Pong, 3) + "two");
}

TEST(WebSocketSession, TakesAPingForNoSignOfLifeOfMqtt) {
  Rig rig;
  rig.open();
  const auto deadline = rig.protocol->deadline();
  ASSERT_EQ(deadline, rig.now + mqtt::kConnectTimeout);
  rig.now += seconds(30);
  rig.say(frame(9, ""));
  EXPECT_EQ(rig.protocol->deadline(), deadline);
  rig.protocol->tick(*deadline);
  EXPECT_TRUE(rig.protocol->closing());
}

TEST(WebSocketSession, SaysCloseWhenMqttEnds) {
  Rig rig;
  rig.login();
  EXPECT_EQ(rig.say(binary(mqtt::client::publish("a/b", "x"))), close_frame(CloseCode::Normal));
  EXPECT_TRUE(rig.protocol->closing());
}

TEST(WebSocketSession, SaysCloseAfterTheLastAnswer) {
  Rig rig;
  rig.open();
  const std::string refused = std::string("\x20\x02\x00\x05", 4);
  EXPECT_EQ(rig.say(binary(mqtt::client::connect({.password = "wrong"}))),
            frame_head(Opcode::Binary, 4) + refused + close_frame(CloseCode::Normal));
}

TEST(WebSocketSession, SaysGoingAwayWhenTheHubStops) {
  Rig rig;
  rig.login();
  rig.protocol->stop(rig.now);
  EXPECT_EQ(rig.take(), close_frame(CloseCode::GoingAway));
}

TEST(WebSocketSession, AnswersCloseAndTakesADeviceWithoutDisconnectForDead) {
  Rig rig;
  rig.open();
  rig.say(binary(mqtt::client::connect({.will_topic = "devices/dev-1/messages/events/"})));
  EXPECT_EQ(rig.say(client::close(1001)), close_frame(CloseCode::GoingAway));
  EXPECT_TRUE(rig.protocol->closing());
  EXPECT_FALSE(rig.protocol->wants_input());
  rig.protocol->gone();
  EXPECT_THAT(rig.core.diary, Contains("telemetry dev-1 [iothub-MessageType=Will] last words"));
}

TEST(WebSocketSession, ClosesWithTheCodeOfTheRule) {
  Rig rig;
  rig.login();
  EXPECT_EQ(rig.say(frame(1, "text")), close_frame(CloseCode::UnsupportedData));
  EXPECT_THAT(std::string(rig.protocol->close_reason()), HasSubstr("text frame"));
}

TEST(WebSocketSession, KeepsTheLimitOfWhatWaitsForTheClient) {
  Rig rig;
  rig.login();
  rig.say(binary(mqtt::client::subscribe("$iothub/twin/PATCH/properties/desired/#")));
  const std::string large(64 * 1024, 'x');
  std::uint64_t sent = 0;
  while (!rig.protocol->closing() && sent < 100) {
    rig.core.links["dev-1"]->desired_patch(++sent, large);
    rig.protocol->output();  // The socket takes nothing.
  }
  EXPECT_LE(sent, mqtt::kWaitingBytesMax / large.size() + 1);
}

}  // namespace
}  // namespace ota::hub::websocket
