// The fault campaign in small.

#include <gtest/gtest.h>

#include "sim/world/fault_campaign.hpp"
#include "tests/run_settings.hpp"

namespace ota::sim {
namespace {

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

}  // namespace
}  // namespace ota::sim
