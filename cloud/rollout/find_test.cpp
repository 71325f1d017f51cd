#include "cloud/rollout/find.hpp"

#include <gmock/gmock.h>

#include "tests/http/pump_release.hpp"

namespace ota::rollout {
namespace {

using ::testing::HasSubstr;

rest::Configuration deployed(std::uint32_t version, std::uint32_t revision = 1) {
  Release release = test::pump_release(version, revision);
  release.sas = "sp=r&se=2026-12-01T00%3A00%3A00Z";
  return *make_configuration(release);
}

class FindRollout : public ::testing::Test {
 protected:
  std::vector<rest::Configuration> configurations = {
      deployed(7), deployed(8, 1), deployed(8, 2), {.id = "edge-1"}};
};

TEST_F(FindRollout, ByIdAndByProductAndGroup) {
  EXPECT_EQ(find_rollout(configurations, {.id = deployed(7).id})->release.version, 7U);
  const auto newest = find_rollout(configurations, {.product = "pump", .group = "lab"});
  ASSERT_TRUE(newest);
  EXPECT_EQ(newest->release.version, 8U);
  EXPECT_EQ(newest->release.revision, 2U);
  EXPECT_EQ(newest->configuration.id, deployed(8, 2).id);
  const auto older =
      find_rollout(configurations, {.product = "pump", .group = "lab", .version = 7});
  EXPECT_EQ(older->release.version, 7U);
}

TEST_F(FindRollout, SaysWhatIsMissing) {
  const auto code = [this](const RolloutName& name) {
    const auto found = find_rollout(configurations, name);
    EXPECT_FALSE(found);
    EXPECT_EQ(found.error().kind, Failure::Kind::NotFound);
    return found.error().code;
  };
  EXPECT_EQ(code({.id = "ota-x"}), "no_such_rollout");
  EXPECT_EQ(code({.id = "edge-1"}), "not_a_release");
  EXPECT_EQ(code({.product = "pump", .group = "field"}), "nothing_deployed");
  EXPECT_EQ(code({.product = "pump", .group = "lab", .version = 6}), "no_such_version");
}

TEST_F(FindRollout, ReadsTheOfferAndTheState) {
  set_state(configurations[0], RolloutState::Paused);
  const auto found = find_rollout(configurations, {.id = deployed(7).id});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->release.state, RolloutState::Paused);
  EXPECT_EQ(found->release.mcu_version, "1.4");
  EXPECT_EQ(found->release.url, "https://host/firmware/pump.bin");
  EXPECT_EQ(found->release.size_bytes, 1000U);
  EXPECT_EQ(contract::to_iso8601(found->release.token_expires), "2026-12-01T00:00:00Z");
  configurations[0].labels["state"] = "a word of a later version";
  EXPECT_EQ(find_rollout(configurations, {.id = deployed(7).id})->release.state,
            RolloutState::Aborted);
}

}  // namespace
}  // namespace ota::rollout
