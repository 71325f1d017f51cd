#include "device/host/net/mqtt_link.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "device/host/net/loopback_server_testing.hpp"

namespace ota::net {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

/// Pumps until an event of this kind arrives; fails the test after about ten seconds.
template <class Kind>
std::optional<Kind> await(MqttLink& link) {
  for (int i = 0; i < 100; ++i) {
    for (LinkEvent& event : link.take_events()) {
      if (Kind* wanted = std::get_if<Kind>(&event); wanted != nullptr) return std::move(*wanted);
      if (const auto* lost = std::get_if<link_event::Lost>(&event)) {
        ADD_FAILURE() << "lost: " << lost->reason;
        return std::nullopt;
      }
    }
    link.pump(milliseconds(100));
  }
  ADD_FAILURE() << "the event did not come";
  return std::nullopt;
}

class MqttLinkTest : public ::testing::Test {
 protected:
  void TearDown() override { std::remove(ca_file_.c_str()); }

  /// Serves MQTT packets from `script` over TLS.
  MqttPeer serve(LoopbackServer::Script script) {
    server_ = std::make_unique<LoopbackServer>(std::move(script), -60, LoopbackServer::Mode::Raw);
    std::ofstream(ca_file_) << server_->certificate();
    return peer(static_cast<std::uint16_t>(server_->port()));
  }

  MqttPeer peer(std::uint16_t port) const {
    return {.endpoint = {"127.0.0.1", port},
            .login = {"dev-1", "hub/dev-1/?api-version=x", "secret"},
            .proxy = {},
            .ca_file = ca_file_,
            .cert_file = {},
            .key_file = {}};
  }

  std::string ca_file_ = ::testing::TempDir() + "mqtt_link_" + std::to_string(::getpid()) + ".pem";
  std::unique_ptr<LoopbackServer> server_;
};

constexpr std::string_view kAccepted("\x20\x02\x00\x00", 4);       // CONNACK 0
constexpr std::string_view kNotAuthorized("\x20\x02\x00\x05", 4);  // CONNACK 5

TEST_F(MqttLinkTest, LogsInSubscribesAndReceives) {
  const MqttPeer peer = serve([](LoopbackPeer& client) {
    EXPECT_THAT(client.read_bytes(), HasSubstr("hub/dev-1/?api-version=x"));
    client.write(kAccepted);
    const std::string subscribe = client.read_bytes();
    EXPECT_THAT(subscribe, HasSubstr("$iothub/twin/res/#"));
    // SUBACK with the packet identifier of the request, QoS 1; then a PUBLISH of "hi" to "a/b".
    client.write(std::string("\x90\x03", 2) + subscribe.substr(2, 2) + "\x01");
    client.write(
        std::string_view("\x30\x07\x00\x03"
                         "a/bhi",
                         9));
    client.wait_for_close();
  });
  MqttLink link;
  ASSERT_TRUE(link.open(peer));
  ASSERT_TRUE(await<link_event::Connected>(link));
  link.subscribe({"$iothub/twin/res/#"});
  ASSERT_TRUE(await<link_event::Subscribed>(link));
  const auto message = await<link_event::Message>(link);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->topic, "a/b");
  EXPECT_EQ(message->payload, "hi");
}

TEST_F(MqttLinkTest, TellsARefusalFromALoss) {
  const MqttPeer peer = serve([](LoopbackPeer& client) {
    client.read_bytes();
    client.write(kNotAuthorized);
    client.wait_for_close();
  });
  MqttLink link;
  ASSERT_TRUE(link.open(peer));
  const auto refused = await<link_event::Refused>(link);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, 5);
}

TEST_F(MqttLinkTest, NoticesAPeerThatCloses) {
  const MqttPeer peer = serve([](LoopbackPeer& client) {
    client.read_bytes();
    client.write(kAccepted);
  });
  MqttLink link;
  ASSERT_TRUE(link.open(peer));
  ASSERT_TRUE(await<link_event::Lost>(link));
}

TEST_F(MqttLinkTest, AnUntrustedServerIsNamedInTheReason) {
  MqttPeer peer = serve([](LoopbackPeer& client) { client.read_bytes(); });
  LoopbackServer other([](LoopbackPeer&) {}, -60, LoopbackServer::Mode::Raw);
  std::ofstream(ca_file_) << other.certificate();
  MqttLink link;
  // A fast peer ends the handshake before open() has returned.
  std::string reason;
  if (const auto opened = link.open(peer); !opened) {
    reason = opened.error();
  } else if (const auto lost = await<link_event::Lost>(link)) {
    reason = lost->reason;
  }
  EXPECT_THAT(reason, HasSubstr("certificate"));
}

TEST_F(MqttLinkTest, AMissingAuthorityFileIsAClearError) {
  MqttLink link;
  const auto opened = link.open(peer(1));
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error(), HasSubstr("ca_file"));
}

TEST_F(MqttLinkTest, NobodyThereIsALossAtOnce) {
  serve([](LoopbackPeer&) {});  // for its certificate file
  MqttLink link;
  const auto opened = link.open(peer(1));
  if (!opened) {
    EXPECT_THAT(opened.error(), HasSubstr("refused"));
  } else {
    EXPECT_TRUE(await<link_event::Lost>(link));
  }
}

}  // namespace
}  // namespace ota::net
