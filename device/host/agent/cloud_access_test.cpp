#include "device/host/agent/cloud_access.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace ota::agent {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kKey[] = "c2VjcmV0LWtleQ==";   // "secret-key"
constexpr char kOtherKey[] = "b3RoZXIta2V5";  // "other-key"

class CloudAccessTest : public ::testing::Test {
 protected:
  CloudAccessTest() {
    ::unsetenv(kConnectionStringVariable);
    std::filesystem::create_directories(folder_);
  }
  ~CloudAccessTest() override {
    ::unsetenv(kConnectionStringVariable);
    std::filesystem::remove_all(folder_);
  }

  std::string write(const std::string& name, const std::string& text, mode_t mode = 0600) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << text;
    ::chmod(path.c_str(), mode);
    return path;
  }

  Config with_string(const std::string& text, mode_t mode = 0600) {
    Config config;
    config.connection_string_file = write("connection", text + "\n", mode);
    return config;
  }

  Config with_dps() {
    Config config;
    config.device_id = "dev-1";
    config.dps =
        DpsConfig{.host = "dps.example", .id_scope = "0ne1", .group_key_file = {}, .key_file = {}};
    return config;
  }

  static std::string device_string(const std::string& key = kKey) {
    return "HostName=hub.example;DeviceId=dev-1;SharedAccessKey=" + key;
  }

  /// The sentence of the refusal, which must never hold one of the keys.
  static std::string refusal(const Config& config) {
    const auto access = resolve_access(config);
    EXPECT_FALSE(access);
    if (access) return {};
    EXPECT_THAT(access.error(), AllOf(Not(HasSubstr(kKey)), Not(HasSubstr("c2Vjcm"))));
    return access.error();
  }

  std::string folder_ = ::testing::TempDir() + "cloud_access_" + std::to_string(::getpid());
};

TEST_F(CloudAccessTest, AConnectionStringNamesHubDeviceAndKey) {
  const auto access = resolve_access(with_string(device_string()));
  ASSERT_TRUE(access) << access.error();
  EXPECT_FALSE(access->uses_dps());
  EXPECT_EQ(access->fixed, (net::Assignment{"hub.example", "dev-1"}));
  EXPECT_EQ(text_of(access->credential.key), "secret-key");
  EXPECT_FALSE(access->credential.has_certificate());
  EXPECT_THAT(access->gateway_host, IsEmpty());
}

TEST_F(CloudAccessTest, TheEnvironmentWinsOverTheFile) {
  ::setenv(kConnectionStringVariable, device_string(kOtherKey).c_str(), 1);
  const auto access = resolve_access(with_string(device_string()));
  ASSERT_TRUE(access) << access.error();
  EXPECT_EQ(text_of(access->credential.key), "other-key");
}

TEST_F(CloudAccessTest, AGatewayIsWhereTheConnectionGoes) {
  const auto access = resolve_access(with_string(device_string() + ";GatewayHostName=edge.local"));
  ASSERT_TRUE(access) << access.error();
  EXPECT_EQ(access->gateway_host, "edge.local");
  EXPECT_EQ(access->fixed.hub_host, "hub.example");
}

TEST_F(CloudAccessTest, TheStringMustBeForThisDevice) {
  Config config = with_string(device_string());
  config.device_id = "dev-2";
  EXPECT_THAT(refusal(config), AllOf(HasSubstr("'dev-1'"), HasSubstr("'dev-2'")));
  config.device_id = "dev-1";
  EXPECT_TRUE(resolve_access(config));
}

TEST_F(CloudAccessTest, AServiceStringIsNamedAsSuch) {
  const std::string service =
      "HostName=hub.example;SharedAccessKeyName=iothubowner;SharedAccessKey=" + std::string(kKey);
  EXPECT_THAT(refusal(with_string(service)), HasSubstr("no DeviceId"));
}

TEST_F(CloudAccessTest, NonsenseIsRefusedWithoutRepeatingIt) {
  EXPECT_THAT(refusal(with_string(kKey)), Not(IsEmpty()));
  EXPECT_THAT(refusal(with_string("HostName=hub.example;DeviceId=dev-1")),
              HasSubstr("SharedAccessKey"));
  EXPECT_THAT(refusal(with_string(device_string("c2Vjcm!!"))), HasSubstr("SharedAccessKey"));
  EXPECT_THAT(
      refusal(with_string("HostName=hub:no;DeviceId=d;SharedAccessKey=" + std::string(kKey))),
      HasSubstr("hub:no"));
  Config missing;
  missing.connection_string_file = folder_ + "/missing";
  EXPECT_THAT(refusal(missing), HasSubstr("missing"));
}

TEST_F(CloudAccessTest, AnX509StringNeedsACertificate) {
  Config config = with_string("HostName=hub.example;DeviceId=dev-1;x509=true");
  EXPECT_THAT(refusal(config), AllOf(HasSubstr("tls.cert"), HasSubstr("tls.key")));
  config.cert_file = write("cert.pem", "a certificate", 0644);
  config.key_file = write("key.pem", "a private key");
  const auto access = resolve_access(config);
  ASSERT_TRUE(access) << access.error();
  EXPECT_EQ(access->credential.cert_file, config.cert_file);
  EXPECT_EQ(access->credential.key_file, config.key_file);
  EXPECT_THAT(access->credential.key, IsEmpty());
}

TEST_F(CloudAccessTest, ASecretThatOthersMayReadIsRefused) {
  for (const mode_t mode : {0640U, 0604U, 0644U, 0660U}) {
    EXPECT_THAT(refusal(with_string(device_string(), mode)), HasSubstr("chmod 600")) << mode;
    Config group = with_dps();
    group.dps->group_key_file = write("group.key", kKey, mode);
    EXPECT_THAT(refusal(group), HasSubstr("chmod 600")) << mode;
    Config device = with_dps();
    device.dps->key_file = write("device.key", kKey, mode);
    EXPECT_THAT(refusal(device), HasSubstr("chmod 600")) << mode;
    Config certificate = with_dps();
    certificate.cert_file = write("cert.pem", "a certificate", 0644);
    certificate.key_file = write("key.pem", kKey, mode);
    EXPECT_THAT(refusal(certificate), HasSubstr("chmod 600")) << mode;
  }
}

TEST_F(CloudAccessTest, TheKeyOfAGroupIsTurnedIntoTheDevicesOwn) {
  Config config = with_dps();
  config.dps->group_key_file = write("group.key", kKey);
  const auto access = resolve_access(config);
  ASSERT_TRUE(access) << access.error();
  EXPECT_TRUE(access->uses_dps());
  EXPECT_EQ(access->registration(), "dps.example/0ne1/dev-1");
  EXPECT_EQ(access->credential.key, net::derive_credential(bytes_of("secret-key"), "dev-1").key);
}

TEST_F(CloudAccessTest, AnIndividualKeyIsTakenAsItIs) {
  Config config = with_dps();
  config.dps->key_file = write("device.key", kKey);
  const auto access = resolve_access(config);
  ASSERT_TRUE(access) << access.error();
  EXPECT_EQ(text_of(access->credential.key), "secret-key");
}

TEST_F(CloudAccessTest, AKeyFileThatHoldsNoKeyIsNamed) {
  Config config = with_dps();
  config.dps->group_key_file = write("group.key", "c2Vjcm no base64");
  EXPECT_THAT(refusal(config), AllOf(HasSubstr("group.key"), HasSubstr("base64")));
}

}  // namespace
}  // namespace ota::agent
