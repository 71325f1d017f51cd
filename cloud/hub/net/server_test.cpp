// The whole endpoint over real sockets and TLS, against clients that were not written here.

#include "cloud/hub/net/server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <vector>

#include "base/random.hpp"
#include "cloud/hub/files/durable_file.hpp"
#include "cloud/hub/http/http_date.hpp"
#include "cloud/hub/net/listener.hpp"
#include "cloud/hub/net/running_hub.hpp"
#include "cloud/profile/profile.hpp"
#include "contract/azure/connection_string.hpp"
#include "contract/azure/shared_key.hpp"

namespace ota::hub {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

std::string mosquitto(const RunningHub& hub, const std::string& program,
                      const std::string& password, const std::string& arguments) {
  return program + " -h 127.0.0.1 -p " + std::to_string(hub.facts().mqtt_port) + " --cafile " +
         hub.facts().ca_file +
         " -V mqttv311 -i dev-1 -u '127.0.0.1/dev-1/?api-version=2021-04-12' -P '" + password +
         "' " + arguments;
}

/// A signed request to make a container, for curl.
std::string create_container_arguments(const contract::StorageConnection& storage,
                                       const std::string& container) {
  const std::string date = to_http_date(std::chrono::duration_cast<std::chrono::seconds>(
                                            std::chrono::system_clock::now().time_since_epoch())
                                            .count());
  const std::string path = "/" + storage.account + "/" + container;
  const contract::HeaderFields headers = {{"x-ms-date", date}, {"x-ms-version", "2021-12-02"}};
  const auto authorization = contract::make_shared_key_authorization(
      {"PUT", storage.account, path, "restype=container", headers}, storage.key);
  return "-X PUT -o /dev/null -w '%{http_code}' -H 'x-ms-version: 2021-12-02' -H 'x-ms-date: " +
         date + "' -H 'Authorization: " + *authorization + "' '" + storage.blob_endpoint + "/" +
         container + "?restype=container'";
}

TEST(HubServer, TakesTelemetryFromMosquitto) {
  if (!has_program("mosquitto_pub")) GTEST_SKIP() << "mosquitto_pub is not installed";
  RunningHub hub;
  const auto sent = run_program(mosquitto(hub, "mosquitto_pub", "good",
                                          "-q 1 -t devices/dev-1/messages/events/a=b -m hello"));
  EXPECT_EQ(sent.exit_code, 0) << sent.output;
  hub.stop();
  EXPECT_THAT(hub.core->diary, Contains("telemetry dev-1 [a=b] hello"));
  EXPECT_THAT(hub.core->diary, Contains("disconnected dev-1"));
}

TEST(HubServer, SilentClientsDoNotBarTheDoor) {
  RunningHub hub;
  boost::asio::io_context loop;
  using boost::asio::ip::tcp;
  const tcp::endpoint door(boost::asio::ip::address_v4::loopback(), hub.facts().https_port);
  std::vector<tcp::socket> silent;
  for (std::size_t i = 0; i < kHandshakesMax + 10; ++i) silent.emplace_back(loop).connect(door);
  EXPECT_EQ(hub.curl("-o /dev/null -w '%{http_code}' " + hub.https("/healthz")), "200");
}

TEST(HubServer, PushesDesiredPatchesToMosquitto) {
  if (!has_program("mosquitto_sub")) GTEST_SKIP() << "mosquitto_sub is not installed";
  auto core = std::make_shared<FakeCore>();
  core->push_each_second = true;
  RunningHub hub(core);
  const auto received =
      run_program(mosquitto(hub, "mosquitto_sub", "good",
                            "-q 1 -C 1 -v -W 20 -t '$iothub/twin/PATCH/properties/desired/#'"));
  EXPECT_EQ(received.exit_code, 0) << received.output;
  EXPECT_EQ(received.output,
            R"($iothub/twin/PATCH/properties/desired/?$version=7 {"pushed":true,"$version":7})"
            "\n");
}

TEST(HubServer, TellsMosquittoThatTheKeyIsWrong) {
  if (!has_program("mosquitto_pub")) GTEST_SKIP() << "mosquitto_pub is not installed";
  RunningHub hub;
  for (const std::string password :
       {"wrong", "SharedAccessSignature sr=x&sig=y&se=oops", "%00%ff"}) {
    const auto sent = run_program(
        mosquitto(hub, "mosquitto_pub", password, "-q 1 -t devices/dev-1/messages/events/ -m x"));
    EXPECT_EQ(sent.exit_code, 5) << sent.output;  // CONNACK 5
  }
  EXPECT_EQ(hub.curl(hub.https("/healthz")), "ok\n");
}

TEST(HubServer, ShowsTheCoreTheCertificateOfADevice) {
  if (!has_program("mosquitto_pub")) GTEST_SKIP() << "mosquitto_pub is not installed";
  if (!has_program("openssl")) GTEST_SKIP() << "openssl is not installed";
  RunningHub hub;
  const ScratchDirectory scratch;
  const std::string key = scratch.path() + "/key.pem", certificate = scratch.path() + "/cert.pem";
  ASSERT_EQ(run_program("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
                        "-subj /CN=dev-1 -days 2 -keyout " +
                        key + " -out " + certificate)
                .exit_code,
            0);
  const auto sent = run_program(mosquitto(
      hub, "mosquitto_pub", "good",
      "--cert " + certificate + " --key " + key + " -q 1 -t devices/dev-1/messages/events/ -m x"));
  EXPECT_EQ(sent.exit_code, 0) << sent.output;
  hub.stop();
  EXPECT_THAT(hub.core->diary, Contains("certificate dev-1"));
}

TEST(HubServer, SurvivesClientsThatSpeakNoTls) {
  if (!has_program("curl")) GTEST_SKIP() << "curl is not installed";
  RunningHub hub;
  for (const std::uint16_t port : {hub.facts().https_port, hub.facts().mqtt_port}) {
    run_program("curl -s --max-time 10 http://127.0.0.1:" + std::to_string(port) + "/");
  }
  EXPECT_EQ(hub.curl(hub.https("/healthz")), "ok\n");
}

TEST(HubServer, AnswersRestOverTls) {
  if (!has_program("curl")) GTEST_SKIP() << "curl is not installed";
  RunningHub hub;
  EXPECT_EQ(hub.curl("-X POST -d body '" + hub.https("/devices/query?api-version=1") + "'"),
            "POST /devices/query?api-version=1 body");
  EXPECT_THAT(hub.curl("-o /dev/null -w '%{http_code}' " + hub.https("/nothing")),
              HasSubstr("404"));
}

/// What the operator's and the device's side know about the storage of this hub.
contract::StorageConnection storage_of(const RunningHub& hub) {
  const auto profile = profile::read(hub.facts().profile_file);
  EXPECT_TRUE(profile);
  return contract::parse_storage_connection(profile.value().storage_connection_string).value();
}

TEST(HubServer, TellsTheOperatorWhoseQuotasItKeeps) {
  RunningHub hub({std::make_shared<FakeCore>()},
                 [](ServerOptions& options) { options.tier = Tier::S2; });
  const auto profile = profile::read(hub.facts().profile_file);
  ASSERT_TRUE(profile);
  EXPECT_EQ(profile.value().kind, profile::Kind::Local);
  EXPECT_EQ(profile.value().tier, "S2");
}

TEST(HubServer, TakesAndGivesALargeBlob) {
  if (!has_program("curl")) GTEST_SKIP() << "curl is not installed";
  RunningHub hub;
  const ScratchDirectory scratch;
  const contract::StorageConnection storage = storage_of(hub);
  contract::BlobSasGrant grant;
  grant.account = storage.account;
  grant.container = "images";
  grant.blob = "p/1/app.bin";
  grant.permissions = "rc";
  grant.expiry = 4'102'444'800;  // 2100
  const std::string url = "'" + storage.blob_endpoint + "/images/p/1/app.bin?" +
                          make_blob_sas(grant, storage.key) + "'";
  std::string content(16U * 1024U * 1024U + 3U, '\0');
  SplitMix64 random(1);
  for (char& c : content) c = static_cast<char>(random.next());
  const std::string file = scratch.path() + "/app.bin";
  ASSERT_TRUE(write_durably(file, content, 0600));

  const std::string put = "-w '%{http_code}' -H 'x-ms-blob-type: BlockBlob' -T " + file + " " + url;
  EXPECT_THAT(hub.curl(put), HasSubstr("404"));  // No container yet.
  ASSERT_EQ(hub.curl(create_container_arguments(storage, "images")), "201");
  ASSERT_THAT(hub.curl(put), HasSubstr("201"));
  ASSERT_EQ(hub.curl("-o " + file + ".back " + url), "");
  EXPECT_TRUE(read_file(file + ".back", content.size()).value() == content);
  ASSERT_EQ(hub.curl("-r 16777210-16777218 -w '%{http_code}' -o " + file + ".part " + url), "206");
  EXPECT_EQ(read_file(file + ".part").value(), content.substr(16777210, 9));
}

TEST(HubServer, SpeaksNoOldTls) {
  if (!has_program("curl")) GTEST_SKIP() << "curl is not installed";
  RunningHub hub;
  EXPECT_EQ(hub.curl("--tlsv1.2 --tls-max 1.2 " + hub.https("/healthz")), "ok\n");
  EXPECT_THAT(
      hub.curl("--tlsv1.0 --tls-max 1.1 --ciphers DEFAULT@SECLEVEL=0 " + hub.https("/healthz")),
      HasSubstr("curl: (35)"));
}

TEST(HubServer, RefusesASecondHubOnItsState) {
  RunningHub hub;
  ServerOptions options;
  options.state_directory = hub.state_directory();
  const auto second = HubServer::start(options);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error(), HasSubstr("--state"));
}

TEST(HubServer, SaysWhatToDoWhenAPortIsTaken) {
  RunningHub hub;
  const ScratchDirectory scratch;
  ServerOptions options;
  options.state_directory = scratch.path() + "/state";
  options.mqtt_port = hub.facts().mqtt_port;
  const auto second = HubServer::start(options);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error(), HasSubstr("--mqtt-port"));
}

TEST(HubServer, StopsWhileClientsAreConnected) {
  if (!has_program("mosquitto_sub")) GTEST_SKIP() << "mosquitto_sub is not installed";
  RunningHub hub;
  std::thread client([&hub] {
    // Ends by itself: the hub closes, and the client's reconnect is refused.
    run_program(mosquitto(hub, "mosquitto_sub", "good",
                          "-W 2 -t '$iothub/twin/PATCH/properties/desired/#'"));
  });
  EXPECT_EQ(hub.curl(hub.https("/healthz")), "ok\n");
  hub.stop();
  client.join();
}

}  // namespace
}  // namespace ota::hub
