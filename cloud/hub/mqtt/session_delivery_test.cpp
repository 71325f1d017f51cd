// What a hub sends to a device of its own accord: direct methods and cloud-to-device messages.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/hub/mqtt/client_packets.hpp"
#include "cloud/hub/mqtt/fake_core.hpp"
#include "cloud/hub/mqtt/session.hpp"

namespace ota::hub::mqtt {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::string_view kMessages = "devices/dev-1/messages/devicebound/#";

struct Rig {
  FakeCore core;
  SessionMemory memory;
  std::function<contract::UnixSeconds()> wall_clock = [] { return 1'800'000'000; };

  std::string take(Session& session) {
    const std::string out(text_of(session.output()));
    session.sent(out.size(), Instant{});
    return out;
  }
  std::string say(Session& session, std::string_view bytes) {
    session.feed(bytes_of(bytes), Instant{});
    return take(session);
  }
  std::unique_ptr<Session> login(const client::ConnectOptions& options = {}) {
    auto session = std::make_unique<Session>(core, memory, wall_clock, Session::Peer{}, Instant{});
    session->feed(bytes_of(client::connect(options)), Instant{});
    return session;
  }
  std::unique_ptr<Session> listen(unsigned qos) {
    auto session = login({.clean = false});
    say(*session, client::subscribe(kMessages, qos));
    return session;
  }
};

TEST(MqttDelivery, AsksASubscribedDeviceForAMethod) {
  Rig rig;
  auto session = rig.login();
  rig.take(*session);
  EXPECT_FALSE(session->method_request({"reboot", "1f"}, "{}"));
  EXPECT_EQ(rig.take(*session), "");
  rig.say(*session, client::subscribe("$iothub/methods/POST/#"));
  EXPECT_TRUE(session->method_request({"re boot", "1f"}, R"({"in":5})"));
  EXPECT_THAT(rig.take(*session), HasSubstr(R"($iothub/methods/POST/re%20boot/?$rid=1f{"in":5})"));
}

TEST(MqttDelivery, HandsOverTheAnswerOfAMethod) {
  Rig rig;
  auto session = rig.login();
  rig.take(*session);
  rig.say(*session, client::publish("$iothub/methods/res/-3/?$rid=1f", "[1]"));
  EXPECT_THAT(rig.core.diary, Contains("method dev-1 1f -3 [1]"));
  EXPECT_FALSE(session->closing());
}

TEST(MqttDelivery, DeliversAMessageThatWaitsWhenTheDeviceSubscribes) {
  Rig rig;
  rig.core.messages.push_back({7, "%24.mid=m1&color=red", "hello"});
  auto session = rig.login();
  EXPECT_THAT(rig.take(*session), Not(HasSubstr("hello")));
  EXPECT_THAT(rig.say(*session, client::subscribe(kMessages)),
              HasSubstr("devices/dev-1/messages/devicebound/%24.mid=m1&color=redhello"));
  EXPECT_TRUE(rig.core.messages.empty());
}

TEST(MqttDelivery, SaysThatAMessageWithQos1IsCompletedOnceItIsAcknowledged) {
  Rig rig;
  auto session = rig.listen(1);
  EXPECT_EQ(session->deliver({7, "", "hello"}), Delivery::Sent);
  EXPECT_EQ(rig.take(*session).front(), '\x32');
  EXPECT_THAT(rig.core.diary, Not(Contains("completed dev-1 7")));
  rig.say(*session, client::puback(1));
  EXPECT_THAT(rig.core.diary, Contains("completed dev-1 7"));
}

TEST(MqttDelivery, NeedsNoAcknowledgementWithQos0) {
  Rig rig;
  auto session = rig.listen(0);
  EXPECT_EQ(session->deliver({7, "", "hello"}), Delivery::Done);
  EXPECT_EQ(rig.take(*session).front(), '\x30');
}

TEST(MqttDelivery, SendsAnUnacknowledgedMessageAgainUnderItsPacketId) {
  Rig rig;
  auto session = rig.listen(1);
  session->deliver({7, "", "hello"});
  const std::string first = rig.take(*session);
  EXPECT_EQ(session->deliver({7, "", "hello"}), Delivery::Sent);
  const std::string second = rig.take(*session);
  EXPECT_EQ(second.front(), '\x3A');  // PUBLISH, QoS 1, DUP
  EXPECT_EQ(second.substr(1), first.substr(1));
}

TEST(MqttDelivery, SendsAfterReconnectOnlyWhatWasNotWithdrawn) {
  Rig rig;
  auto first = rig.listen(1);
  first->deliver({7, "", "seven"});
  first->deliver({8, "", "eight"});
  rig.take(*first);
  first->gone();
  rig.core.withdrawn = 7;
  auto second = rig.login({.clean = false});
  const std::string answer = rig.take(*second);
  EXPECT_THAT(answer, HasSubstr("eight"));
  EXPECT_THAT(answer, Not(HasSubstr("seven")));
  rig.say(*second, client::puback(1));
  EXPECT_THAT(rig.core.diary, Not(Contains("completed dev-1 7")));
  rig.say(*second, client::puback(2));
  EXPECT_THAT(rig.core.diary, Contains("completed dev-1 8"));
}

TEST(MqttDelivery, HoldsMessagesBackWhileTheClientDoesNotTakeThem) {
  Rig rig;
  auto session = rig.listen(0);
  const std::string large(64 * 1024, 'x');
  for (std::uint64_t i = 1; i <= 50; ++i) rig.core.messages.push_back({i, "", large});
  rig.core.listening("dev-1");
  EXPECT_LE(session->output().size(), kWaitingBytesMax / 2 + large.size());
  EXPECT_THAT(rig.core.messages, Not(IsEmpty()));
  for (int turn = 0; turn < 50 && !rig.core.messages.empty(); ++turn) rig.take(*session);
  EXPECT_THAT(rig.core.messages, IsEmpty());
  EXPECT_FALSE(session->closing());
}

TEST(MqttDelivery, SaysThatADeviceDoesNotListenForMessages) {
  Rig rig;
  auto session = rig.login();
  EXPECT_EQ(session->deliver({7, "", "hello"}), Delivery::NotListening);
  session->close("test");
  EXPECT_EQ(session->deliver({7, "", "hello"}), Delivery::NotListening);
}

}  // namespace
}  // namespace ota::hub::mqtt
