// The power-cut campaign in small, and the proof that its parts work.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include "sim/world/power_cut_campaign.hpp"
#include "tests/run_settings.hpp"

namespace ota::sim {
namespace {

// A thousand devices have a lot to say of their networks.
[[maybe_unused]] const bool kQuiet = (spdlog::set_level(spdlog::level::off), true);

using contract::Code;
using contract::StatusWord;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string describe(const CampaignResult& result) {
  std::string text;
  for (const Failure& failure : result.failures) {
    text += "\n  mcu-ota sim power-cut --replay " + failure.world;
    for (const std::string& promise : failure.broken) text += "\n    " + promise;
  }
  return text;
}

// 13 has no factor in common with the kinds of tear, so each of them is met.
TEST(PowerCutCampaign, NoCutAnywhereBreaksAPromise) {
  const PowerCutPlan plan{.seed = test::seed_of_run(),
                          .jobs = 2,
                          .sample = 13 * test::sample_of_run(),
                          .chains = 700 / test::sample_of_run()};
  const CampaignResult result = power_cut_campaign(plan);
  EXPECT_EQ(result.bad, 0U) << describe(result) << "\nOTA_TEST_SEED=" << plan.seed;
  EXPECT_GT(result.cuts, plan.chains);
  EXPECT_LE(result.worst_refetch_bytes, kRefetchMaxBytes);
  EXPECT_GT(result.worst_refetch_bytes, 60'000U) << "the cuts do not cost what they must cost";
  EXPECT_LT(result.worst_recovery, std::chrono::minutes(10)) << result.worst_recovery_world;
}

TEST(PowerCutCampaign, TheSameSeedGivesTheSameHistoryOnAnyNumberOfCores) {
  const PowerCutPlan one{.seed = 3, .jobs = 1, .sample = 211, .chains = 20};
  PowerCutPlan two = one;
  two.jobs = 2;
  PowerCutPlan other = one;
  other.seed = 4;
  const auto trace = power_cut_campaign(one).trace;
  EXPECT_EQ(trace, power_cut_campaign(two).trace);
  EXPECT_NE(trace, power_cut_campaign(other).trace);
}

TEST(CutCase, IsReadBackAsItWasWritten) {
  const std::string text = "rollback:77,flash@123/power/p3/e5/s99,hub@0/reset/s4";
  const auto life = parse_cut_case(text);
  ASSERT_TRUE(life);
  EXPECT_EQ(life->story, Story::Rollback);
  ASSERT_EQ(life->cuts.size(), 2U);
  EXPECT_EQ(life->cuts[0].at, 123U);
  EXPECT_EQ(life->cuts[0].tear.erase, static_cast<EraseTear>(5));
  EXPECT_EQ(life->cuts[1].kind, Cut::Kind::HostReset);
  EXPECT_EQ(to_text(*life), text);
}

TEST(CutCase, WhatIsNoneIsRefused) {
  for (const char* text :
       {"", "update", "update:x", "nothing:1", "update:1,flash", "update:1,flash@",
        "update:1,flash@1/p99", "update:1,moon@1", "update:1,flash@1/q"}) {
    EXPECT_FALSE(parse_cut_case(text)) << text;
  }
}

// The judge sees what it is there for. Each test does what a device must never do.
class JudgeTest : public ::testing::Test {
 protected:
  JudgeTest() {
    judge.published(old);
    judge.published(fresh);
    judge.offered(7, 0);
  }
  void expect_broken(const char* promise) {
    ASSERT_EQ(judge.broken().size(), 1U);
    EXPECT_THAT(judge.broken().front(), HasSubstr(promise));
  }
  static mcu::ImageInfo info(const Release& release) {
    return {.version = release.version,
            .size_bytes = static_cast<std::uint32_t>(release.image->size()),
            .sha256 = release.sha256,
            .mcu_version = {}};
  }

  static contract::Report said(StatusWord status, Code code, std::uint32_t version,
                               std::uint32_t target) {
    contract::Report report;
    report.status = status;
    report.code = code;
    report.version = version;
    report.target = target;
    return report;
  }

  const Release old = make_release(5, 3000, 1);
  const Release fresh = make_release(7, 2000, 2);
  Judge judge{5};
};

TEST_F(JudgeTest, SeesAReportThatIsNotSo) {
  judge.reported(said(StatusWord::Applied, Code::None, 7, 7), 1, "5");
  ASSERT_FALSE(judge.broken().empty());
  EXPECT_THAT(judge.broken().front(), HasSubstr("a report is so"));
}

TEST_F(JudgeTest, SeesAnImageThatWasNotVerified) {
  judge.restarted(10'000, true);
  judge.programming_begins(info(fresh), 11'999);
  expect_broken("verified from the flash");
}

TEST_F(JudgeTest, SeesAVersionThatGoesDown) {
  judge.reported(said(StatusWord::Applied, Code::None, 7, 7), 1, "7");
  judge.programming_begins(info(old), 100'000);
  expect_broken("versions only go up");
}

TEST_F(JudgeTest, SeesBytesThatAreFetchedAgain) {
  judge.fetched(true, 1);
  expect_broken("no byte is fetched twice");
}

TEST_F(JudgeTest, AllowsOneBlockAndOneBufferAfterACutAndNoMore) {
  judge.restarted(0, true);
  judge.fetched(true, kRefetchMaxBytes);
  EXPECT_THAT(judge.broken(), IsEmpty());
  judge.restarted(0, true);
  judge.fetched(true, kRefetchMaxBytes + 1);
  expect_broken("no byte is fetched twice");
}

TEST_F(JudgeTest, SeesAFailedOfferThatIsTriedAgain) {
  judge.reported(said(StatusWord::Error, Code::RolledBack, 5, 7), 1, "5");
  judge.programming_begins(info(fresh), 100'000);
  expect_broken("not tried again");
}

TEST_F(JudgeTest, SeesAnOutcomeThatIsForgotten) {
  judge.reported(said(StatusWord::Applied, Code::None, 5, 5), 3, "5");
  judge.journal_read(2);
  expect_broken("remembered");
}

TEST_F(JudgeTest, SeesAFileSystemThatIsGone) {
  const Start start = make_start(old, 1024 * 1024);
  judge.look_at(start.cells, 1024 * 1024);
  EXPECT_THAT(judge.broken(), IsEmpty());
  judge.look_at(FlashCells(), 1024 * 1024);
  expect_broken("never lost");
}

TEST_F(JudgeTest, SeesAWrongByteInTheKeptImage) {
  Start start = make_start(old, 1024 * 1024);
  for (std::uint32_t at = 2 * kBlockBytes; at < 16 * kBlockBytes; at += 100) {
    start.cells.flip_bit(at, 0);
  }
  judge.look_at(start.cells, 1024 * 1024);
  expect_broken("is whole");
}

TEST_F(JudgeTest, SeesADeviceThatAsksWithoutEnd) {
  for (int i = 0; i < 200; ++i) judge.requested({});
  expect_broken("left in peace");
}

}  // namespace
}  // namespace ota::sim
