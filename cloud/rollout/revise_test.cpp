#include "cloud/rollout/revise.hpp"

#include <gmock/gmock.h>

#include "cloud/rollout/control.hpp"
#include "tests/http/scripted_cloud.hpp"

namespace ota::rollout {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ReviseTest : public ::testing::Test, protected CloudRig {
 protected:
  ReviseTest() { first = deploy_version(7); }

  std::string deploy_version(std::uint32_t version) {
    const auto image = open_image(file("pump.bin", "firmware"));
    const DeployRequest request{
        .version = version, .product = "pump", .group = "lab", .mcu_version = "1.4"};
    return deploy(clients(), request, *image, observer)->configuration_id;
  }
  Outcome<ReviseResult> run(Purpose purpose, std::uint32_t days = 30) {
    return revise(
        clients(),
        {.name = {.product = "pump", .group = "lab"}, .purpose = purpose, .token_days = days});
  }
  void put_in_state(const std::string& id, RolloutState state) {
    rest::Configuration configuration = cloud.get(id);
    set_state(configuration, state);
    cloud.put(configuration);
  }
  /// The state in which somebody killed between creating and deleting leaves the hub.
  std::string second_beside_the_first() {
    auto release = unpack(cloud.get(first));
    release->revision = 2;
    cloud.put(*make_configuration(*release));
    return release->id();
  }

  NoObserver observer;
  std::string first;
};

TEST_F(ReviseTest, TheNextRevisionIsTheSameReleaseWithANewTokenAndAttempt) {
  now += 20 * kSecondsPerDay;
  const auto result = run(Purpose::Retry);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->what, ReviseResult::What::Created);
  EXPECT_THAT(result->removed, ElementsAre(first));
  EXPECT_THAT(cloud.ids(), ElementsAre(result->release.id));
  const rest::Configuration made = cloud.get(result->release.id);
  EXPECT_EQ(made.priority, 7U);
  EXPECT_TRUE(is_in_state(made, RolloutState::Active));
  const auto release = unpack(made);
  EXPECT_EQ(release->revision, 2U);
  EXPECT_EQ(release->mcu_version, "1.4");
  EXPECT_THAT(made.device_content.begin()->second, HasSubstr("\"attempt\":1"));
  EXPECT_EQ(contract::blob_sas_expiry(release->sas), now + 30 * kSecondsPerDay);
}

TEST_F(ReviseTest, ARenewalTakesTheDaysAskedForAndARetryMakesNoTokenShorter) {
  EXPECT_EQ(run(Purpose::Renew, 90)->release.token_expires, now + 90 * kSecondsPerDay);
  EXPECT_EQ(run(Purpose::Retry)->release.token_expires, now + 90 * kSecondsPerDay);
  EXPECT_EQ(run(Purpose::Renew, 1)->release.token_expires, now + kSecondsPerDay);
  EXPECT_EQ(run(Purpose::Renew, 0).error().code, "days_invalid");
}

TEST_F(ReviseTest, APausedOneStaysPausedAndAnAbortedOneIsRefused) {
  put_in_state(first, RolloutState::Paused);
  const auto result = run(Purpose::Renew);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_TRUE(is_in_state(cloud.get(result->release.id), RolloutState::Paused));
  put_in_state(result->release.id, RolloutState::Aborted);
  const auto before = cloud.configurations;
  EXPECT_EQ(run(Purpose::Retry).error().code, "rollout_aborted");
  EXPECT_EQ(cloud.configurations, before);
}

TEST_F(ReviseTest, ASupersededVersionIsRefusedUnlessTheNewerOneIsNotOffered) {
  const std::string eighth = deploy_version(8);
  const ReviseRequest seventh{.name = {.product = "pump", .group = "lab", .version = 7}};
  EXPECT_EQ(revise(clients(), seventh).error().code, "superseded");
  put_in_state(eighth, RolloutState::Aborted);
  EXPECT_TRUE(revise(clients(), seventh));
}

TEST_F(ReviseTest, ABlobThatIsGoneIsSaidAndNothingIsChanged) {
  const auto before = cloud.configurations;
  cloud.blobs.clear();
  const auto result = run(Purpose::Renew);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, Failure::Kind::NotFound);
  EXPECT_EQ(result.error().code, "blob_missing");
  EXPECT_EQ(cloud.configurations, before);
}

TEST_F(ReviseTest, ABlobInAnotherAccountIsSaid) {
  Release elsewhere = *unpack(cloud.get(first));
  elsewhere.url = "https://other/firmware/pump/7/" + to_hex(elsewhere.sha256).substr(0, 16) + "-x";
  cloud.put(*make_configuration(elsewhere));
  EXPECT_EQ(run(Purpose::Renew).error().code, "other_storage");
}

TEST_F(ReviseTest, WhatAnInterruptedOneLeftIsFinished) {
  const std::string second = second_beside_the_first();
  const auto result = run(Purpose::Retry);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->what, ReviseResult::What::Finished);
  EXPECT_EQ(result->release.id, second);
  EXPECT_THAT(cloud.ids(), ElementsAre(second));
}

TEST_F(ReviseTest, ALongerRenewalIsMadeBesideWhatAnInterruptedOneLeft) {
  second_beside_the_first();
  const auto result = run(Purpose::Renew, 90);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->what, ReviseResult::What::Created);
  EXPECT_EQ(result->release.revision, 3U);
  EXPECT_THAT(cloud.ids(), ElementsAre(result->release.id));
}

TEST_F(ReviseTest, WhoseRevisionIsThereFirstWins) {
  cloud.before_write = [this](const std::string& method, const std::string& id) {
    if (method == "PUT" && !cloud.configurations.contains(id)) second_beside_the_first();
  };
  const auto result = run(Purpose::Retry);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, Failure::Kind::Conflict);
  EXPECT_EQ(result.error().code, "changed_meanwhile");
  EXPECT_THAT(result.error().message, HasSubstr("-v7-r2-"));
}

TEST_F(ReviseTest, APauseBesideItIsNotOverrun) {
  cloud.before_write = [this](const std::string& method, const std::string&) {
    if (method != "PUT") return;
    cloud.before_write = [](const std::string&, const std::string&) {};
    put_in_state(first, RolloutState::Paused);
  };
  const auto result = run(Purpose::Retry);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "changed_meanwhile");
  EXPECT_THAT(result.error().message, HasSubstr("it is paused now, and nothing of the retry"));
  EXPECT_THAT(cloud.ids(), ElementsAre(first));
  EXPECT_TRUE(is_in_state(cloud.get(first), RolloutState::Paused));
}

TEST_F(ReviseTest, APauseOfBothRevisionsBesideItStays) {
  cloud.before_write = [this](const std::string& method, const std::string& id) {
    if (method != "DELETE" || id != first) return;
    cloud.before_write = [](const std::string&, const std::string&) {};
    for (const std::string& each : cloud.ids()) put_in_state(each, RolloutState::Paused);
  };
  const auto result = run(Purpose::Retry);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_THAT(cloud.ids(), ElementsAre(result->release.id));
  EXPECT_TRUE(is_in_state(cloud.get(result->release.id), RolloutState::Paused));
}

TEST_F(ReviseTest, AChangeThatLeavesTheStateDoesNotKeepTheOlderOne) {
  cloud.before_write = [this](const std::string& method, const std::string& id) {
    if (method != "DELETE" || id != first) return;
    cloud.before_write = [](const std::string&, const std::string&) {};
    cloud.put(cloud.get(first));
  };
  const auto result = run(Purpose::Retry);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_THAT(cloud.ids(), ElementsAre(result->release.id));
}

TEST_F(ReviseTest, AnOlderOneThatCannotBeDeletedIsAWarningOnly) {
  cloud.delete_status = 403;
  const auto result = run(Purpose::Retry);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->warnings.size(), 1U);
  EXPECT_THAT(result->removed, IsEmpty());
}

}  // namespace
}  // namespace ota::rollout
