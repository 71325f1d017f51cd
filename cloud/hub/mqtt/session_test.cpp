#include "cloud/hub/mqtt/session.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/hub/mqtt/client_packets.hpp"
#include "cloud/hub/mqtt/fake_core.hpp"

namespace ota::hub::mqtt {
namespace {

using std::chrono::seconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kEvents = "devices/dev-1/messages/events/";
const std::string kConnectAccepted("\x20\x02\x00\x00", 4);
const std::string kConnectRestored("\x20\x02\x01\x00", 4);

/// Core, kept sessions and clocks that several connections share.
struct Rig {
  FakeCore core;
  SessionMemory memory;
  contract::UnixSeconds wall = 1'800'000'000;
  std::function<contract::UnixSeconds()> wall_clock = [this] { return wall; };
  Instant now{};

  std::unique_ptr<Session> open() {
    return std::make_unique<Session>(core, memory, wall_clock, Session::Peer{}, now);
  }

  std::string say(Session& session, std::string_view bytes) {
    session.feed(bytes_of(bytes), now);
    return take(session);
  }
  std::string take(Session& session) {
    const std::string out(text_of(session.output()));
    session.sent(out.size(), now);
    return out;
  }
  std::unique_ptr<Session> login(const client::ConnectOptions& options = {}) {
    auto session = open();
    const std::string answer = say(*session, client::connect(options));
    EXPECT_TRUE(answer == kConnectAccepted || answer == kConnectRestored);
    return session;
  }
};

std::string connack_code(char code) { return std::string("\x20\x02\x00", 3) + code; }

TEST(MqttSession, AcceptsAGoodLogin) {
  Rig rig;
  auto session = rig.open();
  EXPECT_EQ(rig.say(*session, client::connect()), kConnectAccepted);
  EXPECT_THAT(rig.core.diary, ElementsAre("login dev-1", "connected dev-1"));
  EXPECT_FALSE(session->closing());
}

TEST(MqttSession, TakesConnectByteByByte) {
  Rig rig;
  auto session = rig.open();
  std::string answer;
  for (const char c : client::connect()) answer += rig.say(*session, std::string(1, c));
  EXPECT_EQ(answer, kConnectAccepted);
}

TEST(MqttSession, RefusesWithTheCodeOfTheRule) {
  struct Case {
    client::ConnectOptions options;
    char code;
  };
  const Case cases[] = {
      {{.level = 5}, 1},
      {{.protocol = "MQIsdp", .level = 3}, 1},
      {{.client_id = ""}, 2},
      {{.client_id = "dev-2"}, 2},
      {{.user_name = "nonsense"}, 4},
      {{.password = "wrong"}, 5},
      {{.client_id = "dev-1/m", .user_name = "hub.local/dev-1/m/?api-version=2021-04-12"}, 5},
      {{.client_id = "other", .user_name = "0ne0/registrations/reg-1/api-version=2019-03-31"}, 2},
      {{.client_id = "reg-1",
        .user_name = "0ne0/registrations/reg-1/api-version=2019-03-31",
        .password = "bad"},
       5},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.options.user_name);
    Rig rig;
    auto session = rig.open();
    EXPECT_EQ(rig.say(*session, client::connect(c.options)), connack_code(c.code));
    EXPECT_TRUE(session->closing());
  }
}

TEST(MqttSession, ClosesWhenTheFirstPacketIsNotConnect) {
  Rig rig;
  auto session = rig.open();
  EXPECT_EQ(rig.say(*session, client::pingreq()), "");
  EXPECT_TRUE(session->closing());
}

TEST(MqttSession, ClosesWithoutConnectInTime) {
  Rig rig;
  auto session = rig.open();
  ASSERT_EQ(session->deadline(), rig.now + kConnectTimeout);
  session->tick(rig.now + kConnectTimeout - seconds(1));
  EXPECT_FALSE(session->closing());
  session->tick(rig.now + kConnectTimeout);
  EXPECT_TRUE(session->closing());
}

TEST(MqttSession, AllowsOneAndAHalfKeepAlives) {
  Rig rig;
  auto session = rig.login({.keep_alive_s = 60});
  EXPECT_EQ(session->deadline(), rig.now + seconds(90));
  rig.now += seconds(89);
  rig.say(*session, client::pingreq());
  EXPECT_EQ(session->deadline(), rig.now + seconds(90));
}

TEST(MqttSession, CapsTheKeepAlive) {
  for (const unsigned keep_alive : {0U, 1178U, 65535U}) {
    Rig rig;
    EXPECT_EQ(rig.login({.keep_alive_s = keep_alive})->deadline(), rig.now + kKeepAliveTimeoutMax);
  }
}

TEST(MqttSession, AnswersPing) {
  Rig rig;
  auto session = rig.login();
  EXPECT_EQ(rig.say(*session, client::pingreq()), std::string("\xD0\x00", 2));
}

TEST(MqttSession, ClosesWhenTheTokenExpires) {
  Rig rig;
  rig.core.expires = rig.wall + 100;
  auto session = rig.login({.keep_alive_s = 600});
  ASSERT_EQ(session->deadline(), rig.now + seconds(100));
  rig.wall += 99;  // The wall clock was set back by a second meanwhile.
  session->tick(rig.now + seconds(100));
  EXPECT_FALSE(session->closing());
  rig.wall += 1;
  session->tick(rig.now + seconds(101));
  EXPECT_TRUE(session->closing());
}

TEST(MqttSession, AnswersTwinGetOnlyToASubscriber) {
  Rig rig;
  auto session = rig.login();
  EXPECT_EQ(rig.say(*session, client::publish("$iothub/twin/GET/?$rid=1", " ")), "");
  EXPECT_EQ(rig.say(*session, client::subscribe("$iothub/twin/res/#")),
            std::string("\x90\x03\x00\x05\x00", 5));
  const std::string answer = rig.say(*session, client::publish("$iothub/twin/GET/?$rid=2", " "));
  EXPECT_EQ(answer.front(), '\x30');
  EXPECT_THAT(answer, HasSubstr("$iothub/twin/res/200/?$rid=2{\"desired\""));
}

TEST(MqttSession, AnswersReportedPatchWithTheVersion) {
  Rig rig;
  auto session = rig.login();
  rig.say(*session, client::subscribe("$iothub/twin/res/#"));
  const std::string answer = rig.say(
      *session, client::publish("$iothub/twin/PATCH/properties/reported/?$rid=3", R"({"a":1})", 1));
  EXPECT_THAT(answer, HasSubstr("$iothub/twin/res/204/?$rid=3&$version=2"));
  EXPECT_TRUE(answer.ends_with(std::string("\x40\x02\x00\x07", 4)));
  EXPECT_THAT(rig.core.diary, Contains(R"(reported {"a":1})"));
}

constexpr std::string_view kReport = "$iothub/twin/PATCH/properties/reported/?$rid=3";
const std::string kReportAnswer = client::publish("$iothub/twin/res/204/?$rid=3&$version=2", "");
const std::string kReportAcknowledged("\x40\x02\x00\x07", 4);

TEST(MqttSession, AnswersAPatchOnlyWhenItIsDurable) {
  Rig rig;
  rig.core.group = true;
  auto session = rig.login();
  rig.say(*session, client::subscribe("$iothub/twin/res/#"));
  bool woken = false;
  session->on_wake([&woken] { woken = true; });
  EXPECT_EQ(rig.say(*session, client::publish(kReport, "{}", 1)), "");
  EXPECT_FALSE(woken);
  rig.core.commit();
  EXPECT_TRUE(woken);
  EXPECT_EQ(rig.take(*session), kReportAnswer + kReportAcknowledged);
}

TEST(MqttSession, AnswersInOrderWhatFollowsAPatch) {
  Rig rig;
  rig.core.group = true;
  auto session = rig.login();
  rig.say(*session, client::subscribe("$iothub/twin/res/#"));
  const std::string report = client::publish(kReport, "{}");
  EXPECT_EQ(rig.say(*session, report + report + client::publish(kEvents, "x", 1)),
            kReportAnswer + kReportAnswer + kReportAcknowledged);
  EXPECT_EQ(rig.say(*session, report + client::pingreq()),
            kReportAnswer + std::string("\xD0\x00", 2));
  EXPECT_EQ(rig.say(*session, report + client::publish("$iothub/methods/GET", "x")), kReportAnswer);
  EXPECT_TRUE(session->closing());
}

TEST(MqttSession, DropsTheAnswerOfADeviceThatHasGone) {
  Rig rig;
  rig.core.group = true;
  auto session = rig.login();
  rig.say(*session, client::publish(kReport, "{}", 1));
  session->gone();
  session.reset();
  rig.core.commit();
  EXPECT_TRUE(rig.core.waiting.empty());
}

TEST(MqttSession, PassesTelemetryOnAndAcknowledgesIt) {
  Rig rig;
  auto session = rig.login();
  EXPECT_EQ(rig.say(*session, client::publish(std::string(kEvents) + "a=b", "hi", 1, true)),
            std::string("\x40\x02\x00\x07", 4));
  EXPECT_EQ(rig.core.diary.back(), "telemetry dev-1 [a=b&mqtt-retain=true] hi");
}

TEST(MqttSession, ClosesOnWhatTheServiceDoesNotKnow) {
  const std::string cases[] = {
      client::publish("$iothub/twin/PUT/?$rid=1", ""),
      client::publish("devices/other/messages/events/", ""),
      client::publish("$dps/registrations/PUT/iotdps-register/?$rid=1", "{}"),
      client::publish(kEvents, "", 2),
      client::publish(kEvents, std::string(kPayloadBytesMax + 1, 'x')),
      client::subscribe("#"),
      client::subscribe("devices/other/messages/devicebound/#"),
      client::subscribe("$dps/registrations/res/#"),
      client::connect(),
      client::packet(0xF0, ""),
  };
  for (const std::string& bytes : cases) {
    SCOPED_TRACE(bytes.substr(0, 60));
    Rig rig;
    auto session = rig.login();
    EXPECT_EQ(rig.say(*session, bytes), "");
    EXPECT_TRUE(session->closing());
  }
}

TEST(MqttSession, TakesAMessageOfExactlyTheLimit) {
  Rig rig;
  auto session = rig.login();
  rig.say(*session, client::publish(kEvents, std::string(kPayloadBytesMax, 'x')));
  EXPECT_FALSE(session->closing());
}

TEST(MqttSession, GrantsAtMostQosOne) {
  Rig rig;
  auto session = rig.login();
  EXPECT_EQ(rig.say(*session, client::subscribe("$iothub/methods/POST/#", 2)),
            std::string("\x90\x03\x00\x05\x01", 5));
}

TEST(MqttSession, SendsDesiredPatchesToSubscribersOnly) {
  Rig rig;
  auto session = rig.login();
  int wakes = 0;
  session->on_wake([&wakes] { ++wakes; });
  rig.core.links["dev-1"]->desired_patch(4, "{}");
  EXPECT_EQ(rig.take(*session), "");
  rig.say(*session, client::subscribe("$iothub/twin/PATCH/properties/desired/#"));
  wakes = 0;
  rig.core.links["dev-1"]->desired_patch(5, "{}");
  EXPECT_EQ(wakes, 1);
  EXPECT_THAT(rig.take(*session), HasSubstr("$iothub/twin/PATCH/properties/desired/?$version=5{}"));
  rig.say(*session, client::unsubscribe("$iothub/twin/PATCH/properties/desired/#"));
  rig.core.links["dev-1"]->desired_patch(6, "{}");
  EXPECT_EQ(rig.take(*session), "");
}

TEST(MqttSession, SendsUnacknowledgedMessagesAgainAfterReconnect) {
  Rig rig;
  auto first = rig.login({.clean = false});
  rig.say(*first, client::subscribe("$iothub/twin/PATCH/properties/desired/#", 1));
  first->desired_patch(1, "{}");
  first->desired_patch(2, "{}");
  rig.take(*first);
  rig.say(*first, client::puback(1));
  first->gone();

  auto second = rig.open();
  const std::string answer = rig.say(*second, client::connect({.clean = false}));
  EXPECT_TRUE(answer.starts_with(kConnectRestored));
  EXPECT_EQ(answer[4], '\x3A');  // PUBLISH, QoS 1, DUP
  EXPECT_THAT(answer, HasSubstr("$version=2"));
  EXPECT_THAT(answer, ::testing::Not(HasSubstr("$version=1")));
  EXPECT_EQ(rig.say(*second, client::puback(2)), "");

  auto third = rig.open();
  EXPECT_EQ(rig.say(*third, client::connect({.clean = true})), kConnectAccepted);
  auto fourth = rig.open();
  EXPECT_EQ(rig.say(*fourth, client::connect({.clean = false})), kConnectAccepted);
}

TEST(MqttSession, ClosesTheOlderConnectionOfADevice) {
  Rig rig;
  auto older = rig.login({.clean = false});
  auto newer = rig.login({.clean = false});
  EXPECT_TRUE(older->closing());
  EXPECT_EQ(older->close_reason(), "taken over");
  older->gone();
  rig.say(*newer, client::subscribe("$iothub/twin/PATCH/properties/desired/#"));
  rig.core.links["dev-1"]->desired_patch(1, "{}");
  EXPECT_THAT(rig.take(*newer), HasSubstr("$version=1"));
}

TEST(MqttSession, ClosesWhenTheClientDoesNotTakeItsMessages) {
  Rig rig;
  auto session = rig.login();
  rig.say(*session, client::subscribe("$iothub/twin/PATCH/properties/desired/#"));
  const std::string large(64 * 1024, 'x');
  std::uint64_t sent = 0;
  while (!session->closing() && sent < 100) session->desired_patch(++sent, large);
  EXPECT_EQ(sent, kWaitingBytesMax / large.size());
  EXPECT_TRUE(session->output().empty());
}

TEST(MqttSession, ClosesWhenTheClientDoesNotAcknowledge) {
  Rig rig;
  auto session = rig.login({.clean = false});
  rig.say(*session, client::subscribe("$iothub/twin/PATCH/properties/desired/#", 1));
  for (std::uint64_t i = 0; i < 2 * kUnacknowledgedMax && !session->closing(); ++i) {
    session->desired_patch(i, "{}");
    rig.take(*session);
  }
  EXPECT_TRUE(session->closing());
  session->gone();
  EXPECT_EQ(rig.say(*rig.open(), client::connect({.clean = false})),
            kConnectRestored);  // Nothing floods it again.
}

TEST(MqttSession, PublishesTheWillOfADeviceThatDies) {
  Rig rig;
  auto session = rig.login({.will_topic = "devices/dev-1/messages/events/a=b", .will_qos = 1});
  session->gone();
  EXPECT_THAT(rig.core.diary,
              ElementsAre("login dev-1", "connected dev-1",
                          "telemetry dev-1 [a=b&iothub-MessageType=Will] last words",
                          "disconnected dev-1"));
}

TEST(MqttSession, ForgetsTheWillAfterDisconnect) {
  Rig rig;
  auto session = rig.login({.will_topic = kEvents});
  rig.say(*session, client::disconnect());
  EXPECT_TRUE(session->closing());
  session->gone();
  EXPECT_EQ(rig.core.diary.back(), "disconnected dev-1");
  EXPECT_EQ(rig.core.diary.size(), 3U);
}

TEST(MqttSession, RefusesAWillThatIsNotOwnTelemetry) {
  for (const std::string_view topic :
       {"devices/other/messages/events/", "$iothub/twin/GET/?$rid=1", "a/b"}) {
    Rig rig;
    auto session = rig.open();
    EXPECT_EQ(rig.say(*session, client::connect({.will_topic = topic})), "");
    EXPECT_TRUE(session->closing());
  }
}

TEST(MqttSession, RegistersWithDps) {
  Rig rig;
  auto session =
      rig.login({.client_id = "reg-1",
                 .user_name = "0ne0/registrations/reg-1/api-version=2019-03-31&ClientVersion=x"});
  rig.say(*session, client::subscribe("$dps/registrations/res/#", 1));
  // Answers come a moment later, as from the cloud.
  const auto answer_to = [&](const std::string& request) {
    const std::string at_once = rig.say(*session, request);
    rig.now = session->deadline().value();
    session->tick(rig.now);
    return std::pair(at_once, rig.take(*session));
  };
  const auto [acknowledged, assigning] =
      answer_to(client::publish("$dps/registrations/PUT/iotdps-register/?$rid=1", "{}", 1));
  EXPECT_EQ(acknowledged.size(), 4U);  // PUBACK
  EXPECT_THAT(assigning, HasSubstr("$dps/registrations/res/202/?$rid=1&retry-after=3"));
  EXPECT_THAT(rig.core.diary, ElementsAre("register reg-1 good"));
  const std::string poll = client::publish(
      "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId=4.a.b", " ");
  const auto [silence, assigned] = answer_to(poll);
  EXPECT_EQ(silence, "");
  EXPECT_THAT(assigned, HasSubstr("$dps/registrations/res/200/?$rid=2"));
  // Who asks without waiting gets what is owed at once, so that little is kept.
  std::string flood;
  for (int i = 0; i < 20; ++i) flood += poll;
  EXPECT_THAT(rig.say(*session, flood), HasSubstr("$dps/registrations/res/200/?$rid=2"));
  rig.say(*session, client::publish("$iothub/twin/GET/?$rid=3", " "));
  EXPECT_TRUE(session->closing());
}

}  // namespace
}  // namespace ota::hub::mqtt
