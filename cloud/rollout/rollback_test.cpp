#include "cloud/rollout/rollback.hpp"

#include <gmock/gmock.h>

#include "cloud/rollout/control.hpp"
#include "tests/http/scripted_cloud.hpp"

namespace ota::rollout {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RollbackTest : public ::testing::Test, protected CloudRig {
 protected:
  std::string deploy_version(std::uint32_t version, const std::string& content,
                             const std::string& mcu_version = {}) {
    const auto image = open_image(file("pump.bin", content));
    const DeployRequest request{
        .version = version, .product = "pump", .group = "lab", .mcu_version = mcu_version};
    return deploy(clients(), request, *image, observer)->configuration_id;
  }
  Outcome<RollbackPlan> plan(std::uint32_t to_version = 0) {
    return plan_rollback(hub, {.product = "pump", .group = "lab", .to_version = to_version});
  }
  /// Ten devices, of which so many report a version.
  void devices_run(std::uint32_t version, int count) {
    cloud.query_rows = R"([{"version":)" + std::to_string(version) + R"(,"n":)" +
                       std::to_string(count) + R"(},{"n":)" + std::to_string(10 - count) + "}]";
  }

  NoObserver observer;
};

TEST_F(RollbackTest, TheImageThatRanBeforeComesBackUnderTheNextVersion) {
  const std::string good = deploy_version(5, "good", "1.4.2");
  cloud.count(good, {{"Applied", 10}}, 10);
  const std::string faulty = deploy_version(6, "faulty");
  cloud.counts.clear();
  devices_run(6, 8);  // nobody runs version 5 any more
  const auto planned = plan();
  ASSERT_TRUE(planned) << planned.error().message;
  EXPECT_EQ(planned->good.version, 5U);
  EXPECT_EQ(planned->version, 7U);
  EXPECT_EQ(planned->mcu_version, "1.4.2");
  EXPECT_EQ(planned->devices, 10);
  EXPECT_EQ(planned->on_faulty, 8);
  EXPECT_EQ(planned->on_good, 0);

  const auto result = roll_back(clients(), *planned, observer);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->what, DeployResult::What::Created);
  const auto made = unpack(cloud.get(result->configuration_id));
  EXPECT_EQ(made->version, 7U);
  EXPECT_EQ(made->mcu_version, "1.4.2");
  EXPECT_EQ(made->file_name, "pump.bin");
  EXPECT_EQ(made->sha256, sha256(bytes_of("good")));
  EXPECT_EQ(made->last_good, 5U);
  EXPECT_EQ(
      cloud.blobs.at("/a/firmware/pump/7/" + to_hex(made->sha256).substr(0, 16) + "-pump.bin").body,
      "good");
  EXPECT_TRUE(is_in_state(cloud.get(faulty), RolloutState::Aborted));
  EXPECT_EQ(cloud.configurations.count(good), 1U);

  const auto again = plan();
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->already_there);
}

TEST_F(RollbackTest, AVersionThatDevicesRunIsGood) {
  deploy_version(5, "good");
  deploy_version(6, "faulty");
  devices_run(5, 1);
  EXPECT_EQ(plan()->good.version, 5U);
}

TEST_F(RollbackTest, WhereNoneIsKnownToBeGoodOneMustBeNamed) {
  deploy_version(5, "good");
  deploy_version(6, "faulty");
  const auto planned = plan();
  ASSERT_FALSE(planned);
  EXPECT_EQ(planned.error().code, "no_good_release");
  EXPECT_THAT(planned.error().message, HasSubstr("--to VERSION (there are 5)"));
  EXPECT_EQ(plan(5)->good.version, 5U);
}

TEST_F(RollbackTest, AnAbortedVersionIsNotGoodByItself) {
  deploy_version(5, "good");
  devices_run(5, 1);
  ASSERT_TRUE(change_state(hub, {.product = "pump", .group = "lab"}, RolloutState::Aborted));
  deploy_version(6, "faulty");
  EXPECT_EQ(plan().error().code, "no_good_release");
}

TEST_F(RollbackTest, SaysWhatIsMissingAndHowToDoItWithTheFile) {
  EXPECT_EQ(plan().error().code, "nothing_deployed");
  deploy_version(6, "faulty");
  const auto alone = plan();
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().code, "nothing_to_go_back_to");
  EXPECT_THAT(alone.error().message,
              HasSubstr("mcu-ota deploy FILE 7 'pump' 'lab' --mcu-version TEXT"));
  EXPECT_EQ(plan(5).error().code, "no_such_version");
  EXPECT_EQ(plan(6).error().code, "version_not_older");
  EXPECT_EQ(plan_rollback(hub, {.product = "a/b", .group = "lab"}).error().code, "product_invalid");
}

TEST_F(RollbackTest, ABlobWithOtherBytesIsNotUsedAndNothingIsChanged) {
  deploy_version(5, "good");
  deploy_version(6, "faulty");
  const auto planned = plan(5);
  const auto before = cloud.configurations;
  for (auto& [path, blob] : cloud.blobs) {
    if (blob.body == "good") blob.body = "evil";
  }
  const auto result = roll_back(clients(), *planned, observer);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "hash_mismatch");
  cloud.blobs.clear();
  EXPECT_EQ(roll_back(clients(), *planned, observer).error().code, "blob_missing");
  EXPECT_EQ(cloud.configurations, before);
}

TEST_F(RollbackTest, SomebodyElseWhoChangesTheFaultyVersionIsNotOverrun) {
  deploy_version(5, "good");
  const std::string faulty = deploy_version(6, "faulty");
  const auto planned = plan(5);
  cloud.before_write = [&](const std::string&, const std::string& id) {
    if (id != faulty) return;
    cloud.before_write = [](const std::string&, const std::string&) {};
    rest::Configuration paused = cloud.get(faulty);
    set_state(paused, RolloutState::Paused);
    cloud.put(paused);
  };
  const auto result = roll_back(clients(), *planned, observer);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "changed_meanwhile");
  EXPECT_EQ(cloud.configurations.size(), 2U);
}

TEST_F(RollbackTest, WhatWasInterruptedAfterTheAbortIsFinishedByTheSameCommand) {
  deploy_version(5, "good");
  const std::string faulty = deploy_version(6, "faulty");
  ASSERT_TRUE(change_state(hub, {.id = faulty}, RolloutState::Aborted));
  const auto planned = plan(5);
  ASSERT_TRUE(planned);
  const auto result = roll_back(clients(), *planned, observer);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(cloud.configurations.count(result->configuration_id), 1U);
}

}  // namespace
}  // namespace ota::rollout
