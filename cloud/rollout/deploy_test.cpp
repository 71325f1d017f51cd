#include "cloud/rollout/deploy.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "cloud/rollout/control.hpp"
#include "contract/json/offer_json.hpp"
#include "tests/http/scripted_cloud.hpp"

namespace ota::rollout {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Json = nlohmann::json;

class DeployTest : public ::testing::Test, protected CloudRig {
 protected:
  Outcome<DeployResult> deploy_version(std::uint32_t version,
                                       const std::string& content = "firmware",
                                       Mode mode = Mode::Real) {
    const auto image = open_image(file("pump.bin", content));
    const DeployRequest request{
        .version = version, .product = "pump", .group = "lab", .mode = mode};
    return deploy(clients(), request, *image, observer);
  }

  NoObserver observer;
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
  EXPECT_EQ(blob.header("x-ms-meta-mcuversion"), "7");
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
  cloud.put({.id = "foreign"});
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

TEST_F(DeployTest, AConfigurationThatSomebodyElseJustChangedStays) {
  const std::string first = deploy_version(1)->configuration_id;
  ASSERT_TRUE(deploy_version(2));
  cloud.before_write = [&](const std::string& method, const std::string& id) {
    if (method == "DELETE" && id == first) ++cloud.etags[first];
  };
  const auto result = deploy_version(3);
  ASSERT_TRUE(result);
  EXPECT_EQ(cloud.configurations.count(first), 1U);
  ASSERT_EQ(result->warnings.size(), 1U);
  EXPECT_THAT(result->warnings[0], HasSubstr("somebody else changed it"));
}

TEST_F(DeployTest, APausedVersionAgainSaysHowToResume) {
  const std::string id = deploy_version(7)->configuration_id;
  ASSERT_TRUE(change_state(hub, {.id = id}, RolloutState::Paused));
  const auto again = deploy_version(7);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->what, DeployResult::What::AlreadyThere);
  EXPECT_EQ(again->state, RolloutState::Paused);
  ASSERT_EQ(again->warnings.size(), 1U);
  EXPECT_THAT(again->warnings[0], HasSubstr("mcu-ota resume 'pump' 'lab'"));
  EXPECT_TRUE(is_in_state(cloud.get(id), RolloutState::Paused));
  EXPECT_TRUE(deploy_version(8));
}

TEST_F(DeployTest, AnAbortedVersionIsOfferedAgainAsItsNextRevision) {
  const std::string first = deploy_version(7)->configuration_id;
  ASSERT_TRUE(change_state(hub, {.id = first}, RolloutState::Aborted));
  EXPECT_EQ(deploy_version(7, "other").error().code, "version_has_other_content");
  const auto again = deploy_version(7);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->what, DeployResult::What::Created);
  EXPECT_EQ(again->revision, 2U);
  EXPECT_THAT(again->removed, ElementsAre(first));
  EXPECT_THAT(cloud.ids(), ElementsAre(again->configuration_id));
  EXPECT_EQ(unpack(cloud.get(again->configuration_id))->revision, 2U);
  EXPECT_TRUE(is_in_state(cloud.get(again->configuration_id), RolloutState::Active));
}

TEST_F(DeployTest, ARevisionThatAnInterruptedRetryLeftGoes) {
  const std::string first = deploy_version(7)->configuration_id;
  auto release = unpack(cloud.get(first));
  release->revision = 2;
  cloud.put(*make_configuration(*release));
  const auto again = deploy_version(7);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->configuration_id, release->id());
  EXPECT_THAT(cloud.ids(), ElementsAre(release->id()));
}

TEST_F(DeployTest, NotesWhichVersionDevicesRun) {
  const std::string first = deploy_version(1)->configuration_id;
  cloud.count(first, {{"Applied", 3}}, 3);
  const std::string second = deploy_version(2)->configuration_id;
  EXPECT_EQ(read_release(cloud.get(second))->last_good, 1U);
  cloud.counts.clear();  // nobody runs the second, and the hub does not remember the first
  EXPECT_EQ(read_release(cloud.get(deploy_version(3)->configuration_id))->last_good, 1U);
}

TEST_F(DeployTest, AnotherOperatorWithOtherContentAtTheSameMomentIsAConflict) {
  cloud.before_write = [this](const std::string&, const std::string&) {
    Release other{.product = "pump", .group = "lab", .version = 7, .url = "https://h/x"};
    cloud.put(*make_configuration(other));
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
