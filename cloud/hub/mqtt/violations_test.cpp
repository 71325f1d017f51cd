// Every broken rule of IoT Hub, DPS and MQTT 3.1.1 ends the connection without an answer, and
// nothing before it is lost. One rule, one test.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/hub/mqtt/client_packets.hpp"
#include "cloud/hub/mqtt/fake_core.hpp"
#include "cloud/hub/mqtt/session.hpp"

namespace ota::hub::mqtt {
namespace {

using client::field;
using client::packet;
using client::publish;
using client::subscribe;

const std::string kPacketId("\x00\x05", 2);
constexpr std::string_view kEvents = "devices/dev-1/messages/events/";

struct Violation {
  const char* name;
  std::string bytes;
};

void PrintTo(const Violation& violation, std::ostream* out) { *out << violation.name; }

std::string name_of(const ::testing::TestParamInfo<Violation>& info) { return info.param.name; }

/// What a session answers before it closes; the text "open" if it does not close.
struct Talk {
  FakeCore core;
  SessionMemory memory;
  std::function<contract::UnixSeconds()> wall_clock = [] { return 1'800'000'000; };
  Session session{core, memory, wall_clock, Session::Peer{}, Instant{}};

  std::string say(std::string_view bytes) {
    session.feed(bytes_of(bytes), Instant{});
    std::string out(text_of(session.output()));
    session.sent(out.size(), Instant{});
    return out;
  }
};

// ---- Before login ----

class MqttBadBeginning : public ::testing::TestWithParam<Violation> {};

TEST_P(MqttBadBeginning, ClosesTheConnection) {
  Talk talk;
  EXPECT_EQ(talk.say(GetParam().bytes), "");
  EXPECT_TRUE(talk.session.closing());
  EXPECT_TRUE(talk.core.diary.empty()) << "the core was asked";
}

std::string connect_with_flags(unsigned flags) {
  return packet(0x10, field("MQTT") + std::string{'\x04', static_cast<char>(flags), '\0', '\x3C'} +
                          field("dev-1") + field("hub.local/dev-1/?api-version=2021-04-12") +
                          field("good"));
}

INSTANTIATE_TEST_SUITE_P(
    EachRule, MqttBadBeginning,
    ::testing::Values(
        Violation{"NotConnect", client::pingreq()},
        Violation{"PublishBeforeConnect", publish(kEvents, "x")},
        Violation{"OtherProtocol", client::connect({.protocol = "HTTP"})},
        Violation{"ReservedFlag", connect_with_flags(0xC3)},
        Violation{"PasswordWithoutUserName", connect_with_flags(0x42)},
        Violation{"WillOfQosThree", client::connect({.will_topic = kEvents, .will_qos = 3})},
        Violation{"BytesAfterThePassword", packet(0x10, client::connect().substr(2) + "x")},
        Violation{"ClientIdThatIsNotUtf8", client::connect({.client_id = "dev\xFF"})},
        Violation{"ConnectThatIsTooLarge", std::string("\x10\xFF\xFF\x03", 4)}),
    name_of);

// ---- After login ----

class MqttViolation : public ::testing::TestWithParam<Violation> {};

TEST_P(MqttViolation, ClosesTheConnection) {
  Talk talk;
  talk.say(client::connect());
  const std::size_t asked = talk.core.diary.size();
  const std::string acknowledged = talk.say(publish(kEvents, "before", 1) + GetParam().bytes);
  EXPECT_EQ(acknowledged, std::string("\x40\x02\x00\x07", 4)) << "only the message before counts";
  EXPECT_TRUE(talk.session.closing());
  EXPECT_EQ(talk.core.diary.size(), asked + 1) << talk.core.diary.back();
  EXPECT_EQ(talk.say(publish(kEvents, "after", 1)), "");
}

INSTANTIATE_TEST_SUITE_P(
    OfMqtt, MqttViolation,
    ::testing::Values(
        Violation{"SecondConnect", client::connect()},
        Violation{"QosTwo", publish(kEvents, "x", 2)},
        Violation{"QosThree", publish(kEvents, "x", 3)},
        Violation{"QosZeroSentAgain", packet(0x38, field(kEvents) + "x")},
        Violation{"QosOneWithoutId", packet(0x32, field(kEvents) + std::string(2, '\0'))},
        Violation{"TopicWithWildcard", publish("devices/+/messages/events/", "x")},
        Violation{"EmptyTopic", publish("", "x")},
        Violation{"TopicThatIsNotUtf8", publish("devices/\xC0\x80", "x")},
        Violation{"TopicLongerThanThePacket", packet(0x30, std::string("\xFF\xFF", 2) + "x")},
        Violation{"LengthOfFiveBytes", std::string("\x30\xFF\xFF\xFF\xFF\x01", 6)},
        Violation{"LengthOverTheLimit", std::string("\x30\xFF\xFF\xFF\x7F", 5)},
        Violation{"SubscribeWithWrongFlags",
                  packet(0x80, kPacketId + field("$iothub/twin/res/#") + '\0')},
        Violation{"SubscribeWithoutFilters", packet(0x82, kPacketId)},
        Violation{"SubscribeWithQosThree", subscribe("$iothub/twin/res/#", 3)},
        Violation{"SubscribeWithoutId",
                  packet(0x82, std::string(2, '\0') + field("$iothub/twin/res/#") + '\0')},
        Violation{"UnsubscribeWithoutFilters", packet(0xA2, kPacketId)},
        Violation{"PingWithABody", packet(0xC0, "x")},
        Violation{"PubackOfThreeBytes", packet(0x40, "abc")},
        Violation{"Connack", packet(0x20, std::string(2, '\0'))},
        Violation{"Pubrel", packet(0x62, kPacketId)},
        Violation{"Suback", packet(0x90, kPacketId + '\0')}, Violation{"Auth", packet(0xF0, "")},
        Violation{"TypeZero", packet(0x00, "")}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    OfIotHub, MqttViolation,
    ::testing::Values(
        Violation{"TwinPut", publish("$iothub/twin/PUT/?$rid=1", "")},
        Violation{"TwinGetWithoutRequestId", publish("$iothub/twin/GET/", "")},
        Violation{"TwinGetOfAPart", publish("$iothub/twin/GET/properties/?$rid=1", "")},
        Violation{"ReportedPatchOfAPart",
                  publish("$iothub/twin/PATCH/properties/reported/a/?$rid=1", "{}")},
        Violation{"DesiredPatchByADevice",
                  publish("$iothub/twin/PATCH/properties/desired/?$rid=1", "{}")},
        Violation{"LowerCaseMethod", publish("$iothub/twin/get/?$rid=1", "")},
        Violation{"TelemetryOfAnotherDevice", publish("devices/other/messages/events/", "x")},
        Violation{"TelemetryOfAModule", publish("devices/dev-1/modules/m/messages/events/", "x")},
        Violation{"CloudToDeviceByADevice", publish("devices/dev-1/messages/devicebound/", "x")},
        Violation{"DpsTopic", publish("$dps/registrations/PUT/iotdps-register/?$rid=1", "{}")},
        Violation{"AnyOtherTopic", publish("a/b", "x")},
        Violation{"PayloadOver256KiB", publish(kEvents, std::string(kPayloadBytesMax + 1, 'x'))},
        Violation{"PropertiesAndPayloadOver256KiB",
                  publish(std::string(kEvents) + "a=" + std::string(100, 'v'),
                          std::string(kPayloadBytesMax - 50, 'x'))},
        Violation{"SubscribeToAll", subscribe("#")},
        Violation{"SubscribeToOneLevel", subscribe("+")},
        Violation{"SubscribeToAnotherDevice", subscribe("devices/other/messages/devicebound/#")},
        Violation{"SubscribeToDps", subscribe("$dps/registrations/res/#")},
        Violation{"SubscribeToTelemetry", subscribe("devices/dev-1/messages/events/#")},
        Violation{"SubscribeToAnyTwinTopic", subscribe("$iothub/#")},
        Violation{"SubscribeToSixFilters", packet(
                                               0x82, kPacketId +
                                                         [] {
                                                           std::string filters;
                                                           for (int i = 0; i < 6; ++i)
                                                             filters +=
                                                                 field("$iothub/twin/res/#") + '\0';
                                                           return filters;
                                                         }())}),
    name_of);

}  // namespace
}  // namespace ota::hub::mqtt
