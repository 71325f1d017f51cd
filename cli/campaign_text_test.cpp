#include "cli/campaign_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace ota::cli {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

/// A run in which 3 of 2000 worlds were bad; one of them was kept.
CampaignRun bad_run() {
  CampaignRun run{.seed = 9, .jobs = 2, .host_s = 4};
  run.result.worlds = 2000;
  run.result.cuts = 3000;
  run.result.worst_refetch_bytes = 70'000;
  run.result.worst_recovery = std::chrono::milliseconds(1500);
  run.result.worst_recovery_world = "tiny:9";
  run.result.bad = 3;
  run.result.failures = {{"update:9,flash@1/power/s2", {"the MCU runs 7, not '5'"}}};
  run.result.trace = 0xABC;
  return run;
}

TEST(CampaignText, SaysWhatFailedAndHowToLiveItAgain) {
  const std::string text = campaign_text(bad_run());
  EXPECT_THAT(text, HasSubstr("the MCU runs 7, not '5'"));
  EXPECT_THAT(text,
              HasSubstr("mcu-ota sim power-cut --seed 9 --replay update:9,flash@1/power/s2\n"));
  EXPECT_THAT(text, HasSubstr("2 more"));
  EXPECT_THAT(text, HasSubstr("70,000 bytes in one go (limit 81,920)"));
  EXPECT_THAT(text, HasSubstr("1.5 s of virtual time: tiny:9"));
  EXPECT_THAT(text, HasSubstr("500.0 worlds per second"));
  EXPECT_THAT(text, EndsWith("\npower-cut: 3000 cuts, 3 bad, worst refetch 70000 bytes\n"));
}

TEST(CampaignText, CountsWorldsAndUpdatesOfTheFaults) {
  CampaignRun run{.campaign = Campaign::Faults};
  run.result.worlds = 5;
  run.result.updates = 8;
  EXPECT_EQ(campaign_verdict(run), "faults: 5 worlds, 8 updates, 0 bad, worst refetch 0 bytes\n");
}

TEST(CampaignText, AWorldOfFaultsIsNamedByItsOwnSeed) {
  CampaignRun run = bad_run();
  run.campaign = Campaign::Faults;
  run.result.failures[0].world = "world@9000017";
  EXPECT_THAT(campaign_text(run), HasSubstr("mcu-ota sim faults --replay world@9000017\n"));
}

TEST(CampaignText, IsTheSameForPrograms) {
  const auto document = nlohmann::json::parse(campaign_json(bad_run()));
  EXPECT_EQ(document["schema"], 1);
  EXPECT_EQ(document["campaign"], "power-cut");
  EXPECT_EQ(document["bad"], 3);
  EXPECT_EQ(document["trace"], "0000000000000abc");
  EXPECT_EQ(document["worst_recovery_s"], 1.5);
  EXPECT_EQ(document["failures"][0]["world"], "update:9,flash@1/power/s2");
  EXPECT_EQ(document["failures"][0]["broken"][0], "the MCU runs 7, not '5'");
  EXPECT_FALSE(document.contains("history"));
}

}  // namespace
}  // namespace ota::cli
