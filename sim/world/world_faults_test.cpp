// The fault campaign in small.

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include "sim/world/fault_campaign.hpp"
#include "tests/run_settings.hpp"

namespace ota::sim {
namespace {

// A thousand devices have a lot to say of their networks.
[[maybe_unused]] const bool kQuiet = (spdlog::set_level(spdlog::level::off), true);

TEST(FaultCampaign, NoMixtureOfFaultsBreaksAPromise) {
  const FaultPlan plan{
      .seed = test::seed_of_run(), .jobs = 2, .worlds = 1000 / test::sample_of_run()};
  const CampaignResult result = fault_campaign(plan);
  EXPECT_EQ(result.bad, 0U) << "OTA_TEST_SEED=" << plan.seed;
  for (const Failure& failure : result.failures) {
    ADD_FAILURE() << "mcu-ota sim faults --replay " << failure.world << "\n  "
                  << failure.broken.front();
  }
  EXPECT_GT(result.updates, 2 * plan.worlds);
}

TEST(FaultCampaign, TheSameSeedGivesTheSameHistory) {
  const FaultPlan plan{.seed = 9, .jobs = 1, .worlds = 20};
  const std::uint64_t trace = fault_campaign(plan).trace;
  EXPECT_EQ(trace, fault_campaign({.seed = 9, .jobs = 2, .worlds = 20}).trace);
  EXPECT_NE(trace, fault_campaign({.seed = 10, .jobs = 2, .worlds = 20}).trace);
}

TEST(FaultCampaign, AWorldIsLivedAgainByItsName) {
  const auto world = parse_fault_world("world@1000007");
  ASSERT_EQ(world, 1000007U);
  std::uint64_t lines = 0;
  const CampaignResult result = replay_faults(*world, [&](std::string_view) { ++lines; });
  EXPECT_EQ(result.worlds, 1U);
  EXPECT_GT(lines, 10U);
  EXPECT_EQ(parse_fault_world("world@"), std::nullopt);
  EXPECT_EQ(parse_fault_world("moon@3"), std::nullopt);
  EXPECT_EQ(parse_fault_world("world@3x"), std::nullopt);
}

}  // namespace
}  // namespace ota::sim
