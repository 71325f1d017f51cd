#include "device/host/agent/config.hpp"

#include <gmock/gmock.h>

#include <cstdlib>

namespace ota::agent {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kMinimal = R"([identity]
device_id = "dev-1"
[dps]
id_scope = "0ne1"
group_key_file = "group.key"
[flash]
path = "flash.bin"
[state]
file = "/var/lib/state.json"
)";

Result<Config, std::string> parse(const std::string& text, const ConfigOverrides& overrides = {}) {
  return parse_config(text, "/etc/mcu-ota/agent.toml", overrides);
}

/// The minimal file with one line put below a section's heading.
std::string with(const std::string& section, const std::string& line) {
  std::string text = kMinimal;
  const std::string heading = "[" + section + "]\n";
  const std::size_t at = text.find(heading);
  if (at == std::string::npos) return text + heading + line + "\n";
  return text.insert(at + heading.size(), line + "\n");
}

std::string error_of(const std::string& text) {
  const auto config = parse(text);
  return config ? std::string("no error") : config.error();
}

TEST(Config, TakesDefaultsAndResolvesFiles) {
  const auto config = parse(kMinimal);
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->dps->host, "global.azure-devices-provisioning.net");
  EXPECT_EQ(config->dps->group_key_file, "/etc/mcu-ota/group.key");
  EXPECT_EQ(config->flash.path, "/etc/mcu-ota/flash.bin");
  EXPECT_EQ(config->state_file, "/var/lib/state.json");
  EXPECT_EQ(config->mcu.programmer, McuConfig::Programmer::StoreOnly);
  EXPECT_EQ(config->max_rate_bytes, 0U);
}

constexpr const char* kBare = R"([identity]
device_id = "dev-1"
[flash]
path = "flash.bin"
[state]
file = "/var/lib/state.json"
)";

ConfigOverrides with_profile() {
  ConfigOverrides overrides;
  overrides.profile = HubProfile{
      .dps_host = "127.0.0.1:18883", .id_scope = "0ne9", .group_key = "a2V5", .ca_file = "/ca.pem"};
  return overrides;
}

TEST(Config, AProfileSaysHowToReachTheHub) {
  const auto config = parse(kBare, with_profile());
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->dps->host, "127.0.0.1:18883");
  EXPECT_EQ(config->dps->id_scope, "0ne9");
  EXPECT_EQ(config->dps->group_key, "a2V5");
  EXPECT_EQ(config->ca_file, "/ca.pem");
  EXPECT_FALSE(parse(kBare)) << "without a profile there is no way to the cloud";
}

TEST(Config, TheFileHoldsAgainstTheProfile) {
  const auto config = parse(with("tls", "ca_file = \"own.pem\""), with_profile());
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->dps->id_scope, "0ne1");
  EXPECT_EQ(config->dps->group_key_file, "/etc/mcu-ota/group.key");
  EXPECT_EQ(config->dps->group_key, "");
  EXPECT_EQ(config->ca_file, "/etc/mcu-ota/own.pem");
}

TEST(Config, AConnectionStringNeedsOfTheProfileTheCertificatesOnly) {
  const auto config =
      parse(std::string(kBare) + "[hub]\nconnection_string_file = \"string\"\n", with_profile());
  ASSERT_TRUE(config) << config.error();
  EXPECT_FALSE(config->dps);
  EXPECT_EQ(config->ca_file, "/ca.pem");
}

TEST(Config, TheExampleIsValid) {
  const auto config = load_config(OTA_EXAMPLE_CONFIG, {});
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->flash.kind, FlashConfig::Kind::Spi);
  EXPECT_EQ(config->flash.erase_ahead_after, seconds(600));
  EXPECT_EQ(config->mcu.confirm_timeout, seconds(120));
  EXPECT_EQ(config->max_rate_bytes, 256U * 1024);
}

TEST(Config, NamesFileLineAndColumnOfAWrongValue) {
  EXPECT_THAT(error_of(with("identity", "product = 7")),
              HasSubstr("/etc/mcu-ota/agent.toml:2:11: identity.product: expected a text"));
  EXPECT_THAT(error_of(with("telemetry", "interval_s = -1")),
              HasSubstr("expected a whole number from 0 to 86400"));
  EXPECT_THAT(error_of(with("tls", "allow_http = 1")), HasSubstr("expected true or false"));
  EXPECT_THAT(error_of(with("flash", "kind = \"nand\"")),
              HasSubstr("expected \"file\" or \"spi\""));
  EXPECT_THAT(error_of("[identity\n"), HasSubstr("agent.toml:1:"));
}

TEST(Config, SuggestsTheRightKey) {
  EXPECT_THAT(error_of(with("download", "maxrate = 5")), HasSubstr("did you mean 'max_rate'?"));
  EXPECT_THAT(error_of(std::string(kMinimal) + "[telemetri]\n"),
              HasSubstr("did you mean [telemetry]?"));
  EXPECT_THAT(error_of(with("log", "zzzzzzzz = 5")), Not(HasSubstr("did you mean")));
}

TEST(Config, ReportsEveryMistakeAtOnce) {
  const std::string error = error_of("[identity]\ndevice_id = 5\n[dps]\n[log]\nlevel = \"loud\"\n");
  for (const char* part :
       {"device_id", "id_scope", "[state] needs file", "[flash] needs path", "loud"}) {
    EXPECT_THAT(error, HasSubstr(part));
  }
}

TEST(Config, WantsExactlyOneCredential) {
  EXPECT_THAT(error_of(with("dps", "key_file = \"k\"")), HasSubstr("exactly one of"));
  EXPECT_THAT(error_of(with("tls", "cert = \"c\"")), HasSubstr("belong together"));
  std::string none = kMinimal;
  none.erase(none.find("group_key_file"), std::string("group_key_file = \"group.key\"\n").size());
  EXPECT_THAT(error_of(none), HasSubstr("it has 0"));
  EXPECT_TRUE(parse(none, {.log_level = {}, .cert_file = "c", .key_file = "k", .ca_file = {}}));
}

TEST(Config, WantsExactlyOneWayToTheCloud) {
  EXPECT_THAT(error_of(with("hub", "connection_string_file = \"c\"")), HasSubstr("keep one"));
  EXPECT_THAT(error_of("[flash]\npath = \"f\"\n[state]\nfile = \"s\"\n"),
              HasSubstr("no way to the cloud"));
  EXPECT_TRUE(
      parse("[hub]\nconnection_string_file=\"c\"\n[flash]\npath = \"f\"\n[state]\nfile = \"s\"\n"));
}

TEST(Config, ReadsTheTimesOfTheSite) {
  const NetworkConfig usual = parse(kMinimal)->network;
  EXPECT_EQ(usual.connect_timeout, seconds(30));
  EXPECT_EQ(usual.stall_timeout, seconds(60));
  EXPECT_EQ(usual.timing.settle_time, seconds(2));
  const auto config =
      parse(with("network",
                 "connect_timeout_s = 2\nstall_timeout_s = 3\nanswer_timeout_s = 4\n"
                 "retry_max_s = 5\nsettle_ms = 600\n"));
  ASSERT_TRUE(config) << config.error();
  EXPECT_EQ(config->network.connect_timeout, seconds(2));
  EXPECT_EQ(config->network.stall_timeout, seconds(3));
  EXPECT_EQ(config->network.timing.answer_timeout, seconds(4));
  EXPECT_EQ(config->network.timing.retry_max, seconds(5));
  EXPECT_EQ(config->network.timing.settle_time, std::chrono::milliseconds(600));
  EXPECT_THAT(error_of(with("network", "retry_max_s = 0")), HasSubstr("from 1 to 86400"));
}

TEST(Config, ReadsRates) {
  EXPECT_EQ(parse(with("download", "max_rate = 1000"))->max_rate_bytes, 1000U);
  EXPECT_EQ(parse(with("download", "max_rate = \"2M\""))->max_rate_bytes, 2U << 20U);
  for (const char* bad : {"-1", "\"\"", "\"k\"", "\"1G\"", "\"-1k\"", "1.5"}) {
    EXPECT_THAT(error_of(with("download", std::string("max_rate = ") + bad)),
                HasSubstr("bytes per second"));
  }
}

TEST(Config, FlagsWinOverTheFile) {
  const auto config =
      parse(with("log", "level = \"warn\""),
            {.log_level = "debug", .cert_file = {}, .key_file = {}, .ca_file = "/ca"});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->log_level, "debug");
  EXPECT_EQ(config->ca_file, "/ca");
}

TEST(Config, AProgrammerByCommandNeedsItsCommand) {
  EXPECT_THAT(error_of(with("mcu", "programmer = \"command\"")), HasSubstr("[mcu] needs program"));
}

TEST(Config, AMissingFileIsAClearError) {
  EXPECT_THAT(load_config("/nonexistent/agent.toml", {}).error(), HasSubstr("no such file"));
}

}  // namespace
}  // namespace ota::agent
