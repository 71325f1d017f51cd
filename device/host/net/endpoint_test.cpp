#include "device/host/net/endpoint.hpp"

#include <gmock/gmock.h>

namespace ota::net {
namespace {

TEST(Endpoint, TakesTheDefaultPort) {
  const auto endpoint = parse_endpoint("hub.azure-devices.net", kMqttTlsPort);
  ASSERT_TRUE(endpoint);
  EXPECT_EQ(endpoint->host, "hub.azure-devices.net");
  EXPECT_EQ(endpoint->port, 8883);
}

TEST(Endpoint, ReadsPortAndBrackets) {
  EXPECT_EQ(parse_endpoint("127.0.0.1:18883", 1)->port, 18883);
  EXPECT_EQ(parse_endpoint("[::1]:18883", 1)->host, "::1");
  EXPECT_EQ(parse_endpoint("[::1]:18883", 1)->port, 18883);
  EXPECT_EQ(parse_endpoint("[::1]", 7)->port, 7);
}

TEST(Endpoint, WritesWhatItReads) {
  EXPECT_EQ(to_text({"proxy.local", 1080}), "proxy.local:1080");
  EXPECT_EQ(to_text({"::1", 1080}), "[::1]:1080");
}

TEST(Endpoint, RefusesWhatIsNoHost) {
  for (const char* text : {"", ":1", "host:", "host:0", "host:65536", "host:x", "::1", "[::1",
                           "[::1]x", "[::1]:", "https://host", "ho st"}) {
    EXPECT_FALSE(parse_endpoint(text, 1)) << text;
  }
  EXPECT_THAT(parse_endpoint("host:x", 1).error(), ::testing::HasSubstr("1 .. 65535"));
}

}  // namespace
}  // namespace ota::net
