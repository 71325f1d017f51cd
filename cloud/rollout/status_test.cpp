#include "cloud/rollout/status.hpp"

#include "tests/http/rollout_hub.hpp"

namespace ota::rollout {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class StatusTest : public test::RolloutHub {};

std::string twin(const char* id, const char* status, std::uint32_t version, std::uint32_t target) {
  return std::string(R"({"deviceId":")") + id +
         R"(","properties":{"reported":{"extFwInfo":{"Status":")" + status + R"(","Version":)" +
         std::to_string(version) + R"(,"Target":)" + std::to_string(target) + "}}}}";
}

std::string release_json(std::uint32_t version, const char* metrics) {
  std::string json = rest::encode_configuration(test::configuration(version));
  json.pop_back();
  return json + metrics + "}";
}

TEST_F(StatusTest, ListsReleasesNewestFirstAndKeepsUnknownCountsApart) {
  answer_configurations = [] {
    return test::Response{
        .body = "[" + release_json(7, "") + "," +
                release_json(8, R"(,"systemMetrics":{"results":{"targetedCount":3}})") +
                R"(,{"id":"foreign"}])"};
  };
  const auto releases = list_releases(hub);
  ASSERT_TRUE(releases);
  ASSERT_EQ(releases->size(), 2U);
  EXPECT_EQ((*releases)[0].release.version, 8U);
  EXPECT_EQ((*releases)[0].counts.targeted, 3);
  EXPECT_EQ((*releases)[0].counts.applied, std::nullopt);
  EXPECT_EQ((*releases)[1].counts.targeted, std::nullopt);
}

TEST_F(StatusTest, OnlyANewerOneThatIsOfferedSupersedes) {
  configurations = {test::configuration(6), test::configuration(7),
                    test::configuration(8, 1, RolloutState::Aborted)};
  const auto releases = list_releases(hub);
  ASSERT_TRUE(releases);
  ASSERT_EQ(releases->size(), 3U);
  EXPECT_EQ((*releases)[0].superseded_by, 0U);
  EXPECT_EQ((*releases)[1].superseded_by, 0U);
  EXPECT_EQ((*releases)[2].superseded_by, 7U);
}

TEST_F(StatusTest, ShowsTheUnfinishedDevicesFailedOnesFirst) {
  answer_query = [](const std::string& query) {
    if (query.find("COUNT") != std::string::npos) return test::Response{.body = R"([{"n":1}])"};
    if (query.find("IS_DEFINED") == std::string::npos) {
      return test::Response{.body = "[" + twin("z", "error", 7, 8) + "]"};
    }
    return test::Response{.body = "[" + twin("a", "downloading", 7, 8) + "," +
                                  twin("b", "downloading", 8, 9) + R"(,{"deviceId":"silent"}])"};
  };
  const auto detail = show_rollout(hub, {.product = "pump", .group = "lab"}, {});
  ASSERT_TRUE(detail) << detail.error().message;
  std::vector<std::string> ids;
  for (const DeviceState& device : detail->list.devices) ids.push_back(device.id);
  EXPECT_THAT(ids, ElementsAre("z", "a", "silent"));
  EXPECT_FALSE(detail->list.more);
}

TEST_F(StatusTest, AListIsNoLongerThanWanted) {
  answer_query = [](const std::string&) {
    return test::Response{
        .headers = {{"x-ms-continuation", "more"}},
        .body = "[" + twin("a", "none", 0, 0) + "," + twin("b", "none", 0, 0) + "]"};
  };
  const DeployedRelease release{.product = "pump", .group = "lab", .version = 8, .revision = 1};
  const auto list = devices_of(hub, release, {.which = Which::All, .devices_max = 3});
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_EQ(list->devices.size(), 3U);
  EXPECT_TRUE(list->more);
  EXPECT_EQ(queries().size(), 2U);
}

TEST_F(StatusTest, APausedRolloutStillCountsEverybodyOfItsGroup) {
  configurations = {test::configuration(8, 1, RolloutState::Paused)};
  configurations[0].target_condition = "tags.productType='pump' AND deviceId IN ['a']";
  answer_query = [](const std::string&) {
    return test::Response{.body = R"([{"product":"pump","inGroup":"lab","n":4}])"};
  };
  const auto detail = look(hub, {.product = "pump", .group = "lab"});
  ASSERT_TRUE(detail) << detail.error().message;
  EXPECT_EQ(detail->tally.waiting, 4);
  EXPECT_THAT(queries()[0],
              HasSubstr("WHERE tags.productType='pump' AND tags.deviceGroup='lab' GROUP"));
}

TEST_F(StatusTest, AForeignConfigurationIsNoRelease) {
  configurations = {{.id = "edge"}};
  EXPECT_EQ(show_rollout(hub, {.id = "edge"}, {}).error().code, "not_a_release");
}

}  // namespace
}  // namespace ota::rollout
