#include "cloud/rollout/release.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "base/encoding.hpp"
#include "contract/json/offer_json.hpp"

namespace ota::rollout {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Release sample() {
  return {.product = "o'hara",
          .group = "lab",
          .version = 7,
          .revision = 1,
          .mcu_version = "2.1.0",
          .file_name = "pump.bin",
          .size_bytes = 1234,
          .sha256 = sha256(bytes_of("pump")),
          .url = "https://a.blob.core.windows.net/firmware/o%27hara/7/x-pump.bin",
          .sas = "sv=2021-12-02&sig=x"};
}

TEST(Release, TheWholeConfigurationIsAsTheContractSays) {
  const auto configuration = make_configuration(sample());
  ASSERT_TRUE(configuration) << configuration.error().message;
  const std::string hash = to_hex(sha256(bytes_of("pump")));
  const std::string query = R"(SELECT deviceId FROM devices WHERE tags.productType='o\\'hara' AND )"
                            R"(tags.deviceGroup='lab' AND properties.reported.extFwInfo.)";
  const auto golden =
      nlohmann::json::parse(R"({
    "id": ")" + sample().id() +
                            R"(", "schemaVersion": "2.0", "priority": 7,
    "labels": {"product": "o'hara", "group": "lab", "version": "7", "revision": "1",
               "file": "pump.bin", "sha256": ")" +
                            hash + R"("},
    "content": {"deviceContent": {"properties.desired.extFwInfo": {
      "version": 7, "size": 1234, "sha256": ")" +
                            hash + R"(",
      "url": "https://a.blob.core.windows.net/firmware/o%27hara/7/x-pump.bin",
      "sas": "sv=2021-12-02&sig=x", "product": "o'hara", "mcuVersion": "2.1.0"}}},
    "targetCondition": "tags.productType='o\\'hara' AND tags.deviceGroup='lab'",
    "metrics": {"queries": {
      "Downloading": ")" + query +
                            R"(Status='downloading' AND properties.reported.extFwInfo.Target=7",
      "Interrupted": ")" + query +
                            R"(Status='interrupted' AND properties.reported.extFwInfo.Target=7",
      "Applying": ")" + query +
                            R"(Status='applying' AND properties.reported.extFwInfo.Target=7",
      "Applied": ")" + query +
                            R"(Status='applied' AND properties.reported.extFwInfo.Version=7",
      "Error": ")" + query + R"(Status='error' AND properties.reported.extFwInfo.Target=7"}}})");
  EXPECT_EQ(nlohmann::json::parse(rest::encode_configuration(*configuration)), golden);
}

TEST(Release, TheIdNamesProductGroupVersionAndRevision) {
  EXPECT_THAT(sample().id(), ::testing::MatchesRegex("ota-o-hara-lab-v7-r1-[0-9a-f]{8}"));
}

TEST(Release, ALaterRevisionIsAnotherAttemptOfTheSameWork) {
  Release again = sample();
  again.revision = 3;
  const auto configuration = make_configuration(again);
  const auto offer = contract::parse_offer(configuration->device_content.begin()->second);
  ASSERT_TRUE(offer);
  EXPECT_EQ(offer->attempt, 2U);
  EXPECT_EQ(configuration->priority, 7U);
}

TEST(Release, TextsThatADeviceWouldRefuseAreRefusedHere) {
  Release release = sample();
  release.url = "https://h/" + std::string(2000, 'a');
  const auto configuration = make_configuration(release);
  ASSERT_FALSE(configuration);
  EXPECT_EQ(configuration.error().kind, Failure::Kind::Input);
}

rest::Configuration deployed(std::uint32_t version, std::uint32_t revision = 1,
                             const char* group = "lab") {
  Release release = sample();
  release.version = version;
  release.revision = revision;
  release.group = group;
  return *make_configuration(release);
}

TEST(Release, ReadsBackWhatTheLabelsSay) {
  const auto release = read_release(deployed(7, 2));
  ASSERT_TRUE(release);
  EXPECT_EQ(release->product, "o'hara");
  EXPECT_EQ(release->group, "lab");
  EXPECT_EQ(release->version, 7U);
  EXPECT_EQ(release->revision, 2U);
  EXPECT_EQ(release->sha256, to_hex(sha256(bytes_of("pump"))));
}

TEST(Release, ForeignConfigurationsAreNotOurs) {
  EXPECT_FALSE(read_release({.id = "edge-1", .labels = {{"version", "7"}}}));
  rest::Configuration renamed = deployed(7);
  renamed.labels["group"] = "another";
  EXPECT_FALSE(read_release(renamed));
}

TEST(Release, ListsOneProductAndGroupNewestFirst) {
  const auto list = releases_of({deployed(2),
                                 deployed(10, 1),
                                 deployed(10, 2),
                                 deployed(9),
                                 deployed(11, 1, "other"),
                                 {.id = "foreign"}},
                                "o'hara", "lab");
  ASSERT_EQ(list.size(), 4U);
  EXPECT_EQ(list[0].id, deployed(10, 2).id);
  EXPECT_EQ(list[1].id, deployed(10, 1).id);
  EXPECT_EQ(list[2].version, 9U);
  EXPECT_EQ(list[3].version, 2U);
}

class FindSame : public ::testing::Test {
 protected:
  Outcome<std::optional<DeployedRelease>> find(std::uint32_t version, const std::string& sha) {
    return find_same(releases_of({deployed(6), deployed(7)}, "o'hara", "lab"), version, sha);
  }
  std::string same = to_hex(sha256(bytes_of("pump")));
};

TEST_F(FindSame, AHigherVersionIsNew) {
  const auto found = find(8, same);
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->has_value());
  EXPECT_FALSE(find_same({}, 1, same)->has_value());
}

TEST_F(FindSame, TheSameVersionAndContentIsAlreadyThere) {
  const auto found = find(7, same);
  ASSERT_TRUE(found);
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->id, deployed(7).id);
}

TEST_F(FindSame, TheSameVersionWithOtherContentIsAConflict) {
  const auto found = find(7, std::string(64, 'a'));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, Failure::Kind::Conflict);
  EXPECT_EQ(found.error().code, "version_has_other_content");
  EXPECT_THAT(found.error().message, HasSubstr("use 8"));
}

TEST_F(FindSame, ALowerVersionIsAConflictThatSaysHowToGoBack) {
  const auto found = find(6, same);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, "version_not_newer");
  EXPECT_THAT(found.error().message, HasSubstr("as version 8 with --mcu-version"));
}

TEST(Superseded, AllButTheNewestTwoGo) {
  const auto list =
      releases_of({deployed(1), deployed(4), deployed(2), deployed(3)}, "o'hara", "lab");
  std::vector<std::uint32_t> versions;
  for (const DeployedRelease& release : superseded(list)) versions.push_back(release.version);
  EXPECT_THAT(versions, ElementsAre(2, 1));
  EXPECT_THAT(superseded({}), IsEmpty());
}

TEST(Superseded, OlderRevisionsOfAKeptVersionGo) {
  const auto list = releases_of({deployed(4, 1), deployed(4, 2), deployed(3, 1), deployed(3, 3)},
                                "o'hara", "lab");
  const auto gone = superseded(list);
  ASSERT_EQ(gone.size(), 2U);
  EXPECT_EQ(gone[0].id, deployed(4, 1).id);
  EXPECT_EQ(gone[1].id, deployed(3, 1).id);
}

TEST(Superseded, OneThatWasNotAbortedStaysToGoBackTo) {
  std::vector<rest::Configuration> all = {deployed(1), deployed(2), deployed(3), deployed(4)};
  set_state(all[2], RolloutState::Aborted);
  const auto gone = superseded(releases_of(all, "o'hara", "lab"));
  ASSERT_EQ(gone.size(), 1U);
  EXPECT_EQ(gone[0].version, 1U);
}

TEST(RolloutState, IsTheTargetConditionAndALabel) {
  rest::Configuration configuration = deployed(7);
  const std::string members = R"(tags.productType='o\'hara' AND tags.deviceGroup='lab')";
  EXPECT_TRUE(is_in_state(configuration, RolloutState::Active));
  set_state(configuration, RolloutState::Paused);
  EXPECT_EQ(configuration.target_condition,
            members +
                " AND (properties.reported.extFwInfo.Version=7 OR "
                "(properties.reported.extFwInfo.Target=7 AND "
                "properties.reported.extFwInfo.Code<>'withdrawn'))");
  EXPECT_EQ(configuration.labels["state"], "paused");
  EXPECT_TRUE(is_in_state(configuration, RolloutState::Paused));
  set_state(configuration, RolloutState::Aborted);
  EXPECT_EQ(configuration.target_condition, "");
  EXPECT_TRUE(is_in_state(configuration, RolloutState::Aborted));
  set_state(configuration, RolloutState::Active);
  EXPECT_EQ(configuration.target_condition, members);
  EXPECT_EQ(configuration.labels.count("state"), 0U);
}

TEST(RolloutState, AConditionThatSomebodyEditedIsNotInTheState) {
  rest::Configuration configuration = deployed(7);
  configuration.target_condition = "*";
  EXPECT_FALSE(is_in_state(configuration, RolloutState::Active));
}

TEST(Unpack, GivesTheWholeReleaseBack) {
  Release release = sample();
  release.last_good = 5;
  const auto back = unpack(*make_configuration(release));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->mcu_version, "2.1.0");
  EXPECT_EQ(back->sas, release.sas);
  EXPECT_EQ(back->last_good, 5U);
  EXPECT_EQ(back->sha256, release.sha256);
  EXPECT_EQ(unpack({.id = "x"}).error().code, "offer_unreadable");
}

}  // namespace
}  // namespace ota::rollout
