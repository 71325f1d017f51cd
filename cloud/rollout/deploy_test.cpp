#include "cloud/rollout/deploy.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/encoding.hpp"
#include "contract/json/offer_json.hpp"
#include "tests/http/recorded_pause.hpp"
#include "tests/http/scripted_server.hpp"

namespace ota::rollout {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Json = nlohmann::json;

/// A hub and a storage account as far as deploy() looks at them.
class ScriptedCloud {
 public:
  test::Response answer(const test::Request& request) {
    if (refuse_status != 0) return {.status = refuse_status};
    if (request.path == "/configurations") return {.body = list()};
    if (request.path.starts_with("/configurations/")) return answer_configuration(request);
    if (request.query == "restype=container") return {.status = 201};
    return answer_blob(request);
  }

  std::map<std::string, std::string> configurations;
  std::map<std::string, test::Request> blobs;
  std::function<void()> before_create = [] {};
  int refuse_status = 0;
  int delete_status = 204;

 private:
  std::string list() const {
    Json out = Json::array();
    for (const auto& [id, json] : configurations) out.push_back(Json::parse(json));
    return out.dump();
  }

  test::Response answer_configuration(const test::Request& request) {
    const std::string id = request.path.substr(std::string("/configurations/").size());
    if (request.method == "DELETE") {
      if (delete_status == 204) configurations.erase(id);
      return {.status = delete_status};
    }
    if (request.method == "PUT") before_create();
    const auto it = configurations.find(id);
    if (request.method == "PUT" && it != configurations.end()) return {.status = 409};
    if (request.method == "PUT") {
      configurations[id] = request.body;
      return {.body = request.body};
    }
    if (it == configurations.end()) return {.status = 404};
    return {.body = it->second};
  }

  test::Response answer_blob(const test::Request& request) {
    const auto it = blobs.find(request.path);
    if (request.method == "PUT") {
      if (it != blobs.end()) return {.status = 409};
      blobs[request.path] = request;
      return {.status = 201};
    }
    if (it == blobs.end()) return {.status = 404};
    return {.headers = {{"Content-Length", std::to_string(it->second.body.size())},
                        {"Content-MD5", it->second.header("Content-MD5")}}};
  }
};

class NoObserver final : public DeployObserver {
 public:
  void uploading(std::uint64_t done_bytes, std::uint64_t) override { last = done_bytes; }
  std::uint64_t last = 0;
};

class DeployTest : public ::testing::Test {
 protected:
  DeployTest() {
    std::string name = (std::filesystem::temp_directory_path() / "deploy_test.XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~DeployTest() override { std::filesystem::remove_all(folder_); }

  Outcome<DeployResult> deploy_version(std::uint32_t version,
                                       const std::string& content = "firmware",
                                       Mode mode = Mode::Real) {
    const std::string path = (folder_ / "pump.bin").string();
    std::ofstream(path, std::ios::binary) << content;
    const auto image = open_image(path);
    const DeployRequest request{
        .version = version, .product = "pump", .group = "lab", .mode = mode};
    rest::HubClient hub({.host_name = "hub",
                         .gateway_host_name = {},
                         .device_id = {},
                         .policy = "owner",
                         .key = *from_base64("AAEC")},
                        setup(), server_.url());
    rest::BlobClient blobs(
        {.account = "a", .key = *from_base64("AAEC"), .blob_endpoint = server_.url() + "/a"},
        setup());
    return deploy({.hub = hub, .blobs = blobs, .now = [this] { return now; }}, request, *image,
                  observer);
  }

  rest::ClientSetup setup() {
    return {.now = [this] { return now; }, .pause = pause_, .random = random_};
  }

  contract::UnixSeconds now = 1'893'456'000;  // 2030-01-01T00:00:00Z
  NoObserver observer;
  ScriptedCloud cloud;

 private:
  std::filesystem::path folder_;
  test::RecordedPause pause_;
  SplitMix64 random_{1};
  test::ScriptedServer server_{
      [this](const test::Request& request) { return cloud.answer(request); }};
};

TEST_F(DeployTest, PublishesTheBlobAndThenTheConfiguration) {
  const auto result = deploy_version(7);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->what, DeployResult::What::Created);
  EXPECT_EQ(observer.last, 8U);
  ASSERT_EQ(cloud.blobs.size(), 1U);
  const auto& [path, blob] = *cloud.blobs.begin();
  EXPECT_EQ(path, "/a/firmware/pump/7/" + result->sha256.substr(0, 16) + "-pump.bin");
  EXPECT_EQ(blob.body, "firmware");
  EXPECT_EQ(blob.header("x-ms-meta-filename"), "pump.bin");
  EXPECT_EQ(blob.header("x-ms-meta-version"), "7");
  EXPECT_EQ(blob.header("x-ms-meta-deployment"), result->configuration_id);

  ASSERT_EQ(cloud.configurations.count(result->configuration_id), 1U);
  const Json stored = Json::parse(cloud.configurations[result->configuration_id]);
  const auto offer = contract::parse_offer(
      stored["content"]["deviceContent"]["properties.desired.extFwInfo"].dump());
  ASSERT_TRUE(offer) << offer.error().detail;
  EXPECT_TRUE(offer->url.view().ends_with(path));
  EXPECT_EQ(offer->product, "pump");
  EXPECT_EQ(offer->mcu_version, "7");
  EXPECT_EQ(contract::blob_sas_expiry(offer->sas.view()), now + 30 * 86'400);
  EXPECT_THAT(std::string(offer->sas.view()), HasSubstr("st=2029-12-31T23%3A55%3A00Z"));
}

TEST_F(DeployTest, TheSameAgainIsAlreadyThereAndChangesNothing) {
  ASSERT_TRUE(deploy_version(7));
  const auto before = cloud.configurations;
  const auto again = deploy_version(7);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->what, DeployResult::What::AlreadyThere);
  EXPECT_THAT(again->warnings, IsEmpty());
  EXPECT_EQ(cloud.configurations, before);
  EXPECT_EQ(cloud.blobs.size(), 1U);
}

TEST_F(DeployTest, AlreadyThereWithATokenThatRanOutIsSaid) {
  ASSERT_TRUE(deploy_version(7));
  now += 31 * 86'400;
  const auto again = deploy_version(7);
  ASSERT_TRUE(again);
  ASSERT_EQ(again->warnings.size(), 1U);
  EXPECT_THAT(again->warnings[0], HasSubstr("token ended at 2030-01-31"));
}

TEST_F(DeployTest, ALowerVersionAndOtherContentAreConflictsAndNothingIsSent) {
  ASSERT_TRUE(deploy_version(7));
  EXPECT_EQ(deploy_version(6, "older").error().code, "version_not_newer");
  EXPECT_EQ(deploy_version(7, "other").error().code, "version_has_other_content");
  EXPECT_EQ(cloud.blobs.size(), 1U);
  EXPECT_EQ(cloud.configurations.size(), 1U);
}

TEST_F(DeployTest, ADryRunPlansAndSendsNothing) {
  const auto plan = deploy_version(7, "firmware", Mode::Dry);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->what, DeployResult::What::Planned);
  EXPECT_THAT(cloud.blobs, IsEmpty());
  EXPECT_THAT(cloud.configurations, IsEmpty());
  EXPECT_EQ(deploy_version(7)->configuration_id, plan->configuration_id);
}

TEST_F(DeployTest, ABlobThatIsThereIsUsedWhenTheContentIsOurs) {
  ASSERT_TRUE(deploy_version(7));
  cloud.configurations.clear();  // as after a crash between the two steps
  const auto result = deploy_version(7);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->what, DeployResult::What::Created);
  EXPECT_TRUE(result->blob_was_there);
}

TEST_F(DeployTest, ABlobWithOtherContentIsAConflict) {
  ASSERT_TRUE(deploy_version(7));
  cloud.configurations.clear();
  cloud.blobs.begin()->second.body = "tampered";
  cloud.blobs.begin()->second.headers = {{"Content-MD5", "AAAA"}};
  const auto result = deploy_version(7);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "blob_has_other_content");
  EXPECT_THAT(cloud.configurations, IsEmpty());
}

TEST_F(DeployTest, KeepsTheNewestTwoOfItsOwnAndNothingOfOthersGoes) {
  cloud.configurations["foreign"] = R"({"id":"foreign"})";
  std::vector<std::string> ids;
  for (std::uint32_t version = 1; version <= 3; ++version) {
    ids.push_back(deploy_version(version)->configuration_id);
  }
  EXPECT_EQ(cloud.configurations.count(ids[0]), 0U);
  EXPECT_EQ(cloud.configurations.count(ids[1]), 1U);
  EXPECT_EQ(cloud.configurations.count(ids[2]), 1U);
  EXPECT_EQ(cloud.configurations.count("foreign"), 1U);
}

TEST_F(DeployTest, AConfigurationThatCannotBeRemovedIsAWarningOnly) {
  ASSERT_TRUE(deploy_version(1));
  ASSERT_TRUE(deploy_version(2));
  cloud.delete_status = 403;
  const auto result = deploy_version(3);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->warnings.size(), 1U);
  EXPECT_THAT(result->removed, IsEmpty());
}

TEST_F(DeployTest, AnotherOperatorWithOtherContentAtTheSameMomentIsAConflict) {
  cloud.before_create = [this] {
    Release other{.product = "pump", .group = "lab", .version = 7, .url = "https://h/x"};
    const auto configuration = *make_configuration(other);
    cloud.configurations[configuration.id] = rest::encode_configuration(configuration);
  };
  const auto result = deploy_version(7);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, Failure::Kind::Conflict);
  EXPECT_EQ(result.error().code, "deployed_meanwhile");
}

TEST_F(DeployTest, AWrongKeyIsRefused) {
  cloud.refuse_status = 401;
  const auto result = deploy_version(7);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, Failure::Kind::Refused);
  EXPECT_EQ(result.error().code, "not_authorized");
}

TEST_F(DeployTest, AFullDiskOnTheHubIsNamed) {
  cloud.refuse_status = 507;
  const auto result = deploy_version(7);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "storage_full");
}

TEST(CheckRequest, NamesWhatIsWrong) {
  const DeployRequest good{.version = 1, .product = "p", .group = "g"};
  EXPECT_TRUE(check_request(good));
  const auto code = [&good](auto change) {
    DeployRequest request = good;
    change(request);
    const auto result = check_request(request);
    return result ? std::string("no error") : result.error().code;
  };
  EXPECT_EQ(code([](auto& r) { r.version = 0; }), "version_invalid");
  EXPECT_EQ(code([](auto& r) { r.version = 0x80000000U; }), "version_invalid");
  EXPECT_EQ(code([](auto& r) { r.version = contract::kVersionMax; }), "no error");
  EXPECT_EQ(code([](auto& r) { r.product = "a/b"; }), "product_invalid");
  EXPECT_EQ(code([](auto& r) { r.group = ""; }), "group_invalid");
  EXPECT_EQ(code([](auto& r) { r.token_days = 0; }), "days_invalid");
  EXPECT_EQ(code([](auto& r) { r.mcu_version = std::string(49, 'x'); }), "mcu_version_invalid");
  for (const char* name : {"ab", "Firmware", "a--b", "-abc", "abc-", "a_bc", ""}) {
    EXPECT_EQ(code([name](auto& r) { r.container = name; }), "container_invalid") << name;
  }
}

}  // namespace
}  // namespace ota::rollout
