// What the hub tells of itself, the listener without TLS, and a hub that runs for a year.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>

#include "cloud/hub/net/running_hub.hpp"
#include "cloud/profile/profile.hpp"

namespace ota::hub {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view kWithStatus = "-w '%{http_code}' ";

void with_http(ServerOptions& options) { options.http_port = 0; }

std::string http(const RunningHub& hub, const std::string& path) {
  return "http://" + hub.facts().http_listen_address + ":" +
         std::to_string(hub.facts().http_port.value_or(0)) + path;
}

TEST(Health, SaysOkToAnybody) {
  if (!has_program("curl")) GTEST_SKIP() << "curl is not installed";
  RunningHub hub({std::make_shared<FakeCore>()}, with_http);
  EXPECT_EQ(hub.curl(std::string(kWithStatus) + hub.https("/healthz")), "ok\n200");
  EXPECT_EQ(hub.curl(std::string(kWithStatus) + http(hub, "/healthz")), "ok\n200");
  EXPECT_THAT(hub.curl(std::string(kWithStatus) + "-d x " + hub.https("/healthz")),
              HasSubstr("405"));
}

TEST(Health, SaysWhyTheStateCannotBeWritten) {
  if (!has_program("curl")) GTEST_SKIP() << "curl is not installed";
  auto core = std::make_shared<FakeCore>();
  core->state_failure = "the disk is full; free some space";
  RunningHub hub(core);
  EXPECT_EQ(hub.curl(std::string(kWithStatus) + hub.https("/healthz")),
            "the disk is full; free some space\n503");
}

TEST(Metrics, AreReadFromThisMachine) {
  if (!has_program("curl")) GTEST_SKIP() << "curl is not installed";
  RunningHub hub({std::make_shared<FakeCore>()}, with_http);
  hub.curl("-X POST -d body '" + hub.https("/devices/query?api-version=1") + "'");
  for (const std::string& url : {hub.https("/metrics"), http(hub, "/metrics")}) {
    const std::string page = hub.curl("-i " + url);
    EXPECT_THAT(page, HasSubstr("Content-Type: text/plain; version=0.0.4"));
    EXPECT_THAT(page, HasSubstr("\nmcu_ota_hub_connections{listener=\"https\"} "));
    EXPECT_THAT(
        page, HasSubstr("\nmcu_ota_hub_http_requests_total{route=\"devices\",status=\"200\"} 1\n"));
    EXPECT_THAT(page, HasSubstr("\nmcu_ota_hub_sqlite_seconds_total 0.5\n"));
  }
}

TEST(HttpListener, HasBlobsButNothingWithTokensOfTheHub) {
  if (!has_program("curl")) GTEST_SKIP() << "curl is not installed";
  RunningHub hub({std::make_shared<FakeCore>()}, with_http);
  EXPECT_EQ(hub.facts().http_listen_address, "127.0.0.1");
  for (const std::string path : {"/devices/query", "/twins/d", "/$iothub/websocket"}) {
    EXPECT_THAT(hub.curl(std::string(kWithStatus) + "'" + http(hub, path) + "'"),
                ::testing::EndsWith("403"))
        << path;
  }
  EXPECT_THAT(hub.curl(http(hub, "/mcuota/images/none")), HasSubstr("<Error>"));
  const auto profile = profile::read(hub.facts().profile_file);
  ASSERT_TRUE(profile);
  EXPECT_THAT(profile.value().storage_connection_string,
              StartsWith("DefaultEndpointsProtocol=http;"));
  EXPECT_THAT(profile.value().storage_connection_string,
              HasSubstr("BlobEndpoint=" + http(hub, "/mcuota;")));
}

TEST(HttpListener, StaysOnThisMachineUnlessPeopleInsist) {
  RunningHub far({std::make_shared<FakeCore>()}, [](ServerOptions& options) {
    options.listen_address = "0.0.0.0";
    options.http_port = 0;
  });
  EXPECT_EQ(far.facts().http_listen_address, "127.0.0.1");
  const auto profile = profile::read(far.facts().profile_file);
  ASSERT_TRUE(profile);
  // A device on the network could not follow a URL of this machine's own.
  EXPECT_THAT(profile.value().storage_connection_string,
              StartsWith("DefaultEndpointsProtocol=https;"));
  RunningHub insisted({std::make_shared<FakeCore>()}, [](ServerOptions& options) {
    options.listen_address = "0.0.0.0";
    options.http_port = 0;
    options.http_listen_address = "0.0.0.0";
  });
  EXPECT_EQ(insisted.facts().http_listen_address, "0.0.0.0");
}

TEST(HttpListener, IsOffUnlessItIsAskedFor) {
  RunningHub hub;
  EXPECT_FALSE(hub.facts().http_port);
  // The core names no port, as it does for 443; in the address of blobs there is one.
  const auto profile = profile::read(hub.facts().profile_file);
  ASSERT_TRUE(profile);
  EXPECT_THAT(profile.value().storage_connection_string,
              HasSubstr(":" + std::to_string(hub.facts().https_port) + "/mcuota;"));
}

TEST(HubServer, ClosesAConnectionThatDoesNotShakeHands) {
  RunningHub hub({std::make_shared<FakeCore>()}, [](ServerOptions& options) {
    options.handshake_timeout = std::chrono::milliseconds(50);
  });
  for (const std::uint16_t port : {hub.facts().mqtt_port, hub.facts().https_port}) {
    boost::asio::io_context loop;
    boost::asio::ip::tcp::socket socket(loop);
    socket.connect({boost::asio::ip::make_address("127.0.0.1"), port});
    char byte = 0;
    boost::system::error_code end;
    EXPECT_EQ(boost::asio::read(socket, boost::asio::buffer(&byte, 1), end), 0U);
    EXPECT_TRUE(end);
  }
}

/// The serial number of the certificate that the hub shows now.
std::string serial(const RunningHub& hub) {
  return run_program(
             "openssl s_client -connect 127.0.0.1:" + std::to_string(hub.facts().https_port) +
             " </dev/null 2>/dev/null | openssl x509 -noout -serial")
      .output;
}

TEST(HubServer, RenewsItsCertificateWhileItRuns) {
  if (!has_program("openssl")) GTEST_SKIP() << "openssl is not installed";
  std::atomic<contract::UnixSeconds> now = 1'900'000'000;
  RunningHub hub({std::make_shared<FakeCore>()},
                 [&now](ServerOptions& options) { options.now = [&now] { return now.load(); }; });
  const std::string first = serial(hub);
  ASSERT_THAT(first, StartsWith("serial="));
  now += 370 * 24 * 60 * 60;  // 27 days before its end
  std::string later = first;
  for (int attempt = 0; attempt < 200 && later == first; ++attempt) later = serial(hub);
  EXPECT_THAT(later, StartsWith("serial="));
  EXPECT_NE(later, first);
}

}  // namespace
}  // namespace ota::hub
