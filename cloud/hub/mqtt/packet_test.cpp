#include "cloud/hub/mqtt/packet.hpp"

#include <gtest/gtest.h>

#include "cloud/hub/mqtt/client_packets.hpp"

namespace ota::hub::mqtt {
namespace {

Frame frame_of(const std::string& bytes) {
  const auto frame = first_frame(bytes_of(bytes), 1 << 20);
  EXPECT_TRUE(frame && frame.value());
  return frame && frame.value() ? *frame.value() : Frame{};
}

TEST(MqttPacket, WaitsForEveryByteOfAFrame) {
  const std::string bytes =
      client::publish("devices/dev-1/messages/events/", std::string(300, 'x'));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto frame = first_frame(bytes_of(std::string_view(bytes).substr(0, size)), 1 << 20);
    ASSERT_TRUE(frame) << size;
    EXPECT_FALSE(frame.value()) << size;
  }
  EXPECT_EQ(frame_of(bytes).size_bytes, bytes.size());
}

TEST(MqttPacket, RefusesALengthOverTheLimitBeforeTheBytesArrive) {
  EXPECT_FALSE(first_frame(bytes_of("\x30\xFF\xFF\x7F"), 1000));
  EXPECT_FALSE(first_frame(bytes_of("\x30\xFF\xFF\xFF\xFF\x7F"), 1000));
}

TEST(MqttPacket, ReadsConnect) {
  const std::string bytes = client::connect(
      {.keep_alive_s = 300, .will_topic = "devices/dev-1/messages/events/", .will_qos = 1});
  const auto connect = parse_connect(frame_of(bytes));
  ASSERT_TRUE(connect);
  EXPECT_EQ(connect.value().client_id, "dev-1");
  EXPECT_EQ(connect.value().keep_alive_s, 300);
  EXPECT_EQ(connect.value().password, "good");
  ASSERT_TRUE(connect.value().will);
  EXPECT_EQ(connect.value().will->qos, 1);
  EXPECT_EQ(connect.value().will->payload, "last words");
}

TEST(MqttPacket, RefusesTextThatIsNotUtf8) {
  for (const std::string_view bad :
       {std::string_view("a\0b", 3), std::string_view("\xC0\x80"), std::string_view("\xED\xA0\x80"),
        std::string_view("\xF5\x80\x80\x80"), std::string_view("\xE2\x82")}) {
    const std::string bytes = client::publish(bad, "");
    EXPECT_FALSE(parse_publish(frame_of(bytes)));
  }
  const std::string good = client::publish("devices/\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80", "");
  EXPECT_TRUE(parse_publish(frame_of(good)));
}

TEST(MqttPacket, RefusesEveryTruncatedConnect) {
  const std::string bytes = client::connect();
  const Frame whole = frame_of(bytes);
  for (std::size_t size = 0; size < whole.body.size(); ++size) {
    EXPECT_FALSE(parse_connect({whole.type, whole.flags, whole.body.first(size), size + 2}))
        << size;
  }
}

TEST(MqttPacket, RefusesSubscribeWithoutFilters) {
  EXPECT_FALSE(parse_subscribe(frame_of(client::packet(0x82, std::string("\x00\x05", 2)))));
  EXPECT_FALSE(parse_subscribe(
      frame_of(client::packet(0x80, std::string("\x00\x05", 2) + client::field("a") + '\0'))));
}

}  // namespace
}  // namespace ota::hub::mqtt
