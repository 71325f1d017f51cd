#include "cloud/rollout/tally.hpp"

#include "contract/azure/names.hpp"
#include "tests/http/rollout_hub.hpp"

namespace ota::rollout {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const DeployedRelease kRelease{.product = "pump", .group = "lab", .version = 8, .revision = 2};

contract::ReportView report(const char* status, std::optional<std::uint32_t> version,
                            std::optional<std::uint32_t> target,
                            std::optional<std::uint32_t> attempt = 1) {
  contract::ReportView out;
  out.status = status;
  out.version = version;
  out.target = target;
  out.attempt = attempt;
  return out;
}

TEST(StandingOf, ADeviceIsWhereItsReportSays) {
  EXPECT_EQ(standing_of(report("downloading", 7, 8), kRelease), Standing::Downloading);
  EXPECT_EQ(standing_of(report("interrupted", 7, 8), kRelease), Standing::Interrupted);
  EXPECT_EQ(standing_of(report("applying", 7, 8), kRelease), Standing::Applying);
  EXPECT_EQ(standing_of(report("error", 7, 8), kRelease), Standing::Failed);
  EXPECT_EQ(standing_of(report("applied", 8, 8), kRelease), Standing::Done);
}

TEST(StandingOf, WhatIsAboutAnotherVersionHasNotBegun) {
  EXPECT_EQ(standing_of({}, kRelease), Standing::Waiting);
  EXPECT_EQ(standing_of(report("none", 0, 0), kRelease), Standing::Waiting);
  EXPECT_EQ(standing_of(report("applied", 7, 7), kRelease), Standing::Waiting);
  EXPECT_EQ(standing_of(report("error", 6, 7), kRelease), Standing::Waiting);
  EXPECT_EQ(standing_of(report("downloading", 6, 7), kRelease), Standing::Waiting);
}

TEST(StandingOf, AnMcuThatRunsTheVersionIsDoneWhateverComesAfter) {
  EXPECT_EQ(standing_of(report("downloading", 8, 9), kRelease), Standing::Done);
  EXPECT_EQ(standing_of(report("error", 8, 9), kRelease), Standing::Done);
  EXPECT_EQ(standing_of(report("applied", 9, 9), kRelease), Standing::Newer);
}

TEST(StandingOf, AFailureOfAnEarlierRevisionIsAboutToBeTriedAgain) {
  EXPECT_EQ(standing_of(report("error", 7, 8, 0), kRelease), Standing::Waiting);
  EXPECT_EQ(standing_of(report("error", 7, 8, std::nullopt), kRelease), Standing::Failed);
  EXPECT_EQ(standing_of(report("error", 7, 8, 4'294'967'295U), kRelease), Standing::Failed);
}

TEST(ReadFleetRow, AbsentNullAndOddMembersAreNotReported) {
  for (const char* json : {R"({"n":3})", R"({"n":3,"status":null,"target":null,"version":null})",
                           R"({"n":3,"status":{},"target":{},"version":{},"code":[]})",
                           R"({"n":3,"status":7,"target":"8","version":-1,"attempt":1.5})"}) {
    const auto row = read_fleet_row(json);
    ASSERT_TRUE(row) << json;
    EXPECT_EQ(row->devices, 3);
    EXPECT_EQ(row->report.status, "");
    EXPECT_EQ(row->report.version, std::nullopt) << json;
    EXPECT_EQ(row->report.target, std::nullopt);
    EXPECT_EQ(row->report.attempt, std::nullopt);
  }
  for (const char* json : {"", "[]", "{}", R"({"n":"3"})", R"({"n":-3})"}) {
    EXPECT_FALSE(read_fleet_row(json)) << json;
  }
}

class Count : public test::RolloutHub {
 protected:
  DeployedRelease release{.product = "pump", .group = "lab", .version = 8, .revision = 1};
};

constexpr const char* kMine = R"("product":"pump","inGroup":"lab")";

std::string row(const std::string& members) {
  return std::string("{") + kMine + "," + members + "}";
}

TEST_F(Count, OneQueryTellsEverything) {
  answer_query = [](const std::string&) {
    return test::Response{
        .body = "[" + row(R"("n":600)") + "," +
                row(R"("status":"applied","version":8,"target":8,"n":330)") + "," +
                row(R"("status":"downloading","version":7,"target":8,"n":20)") + "," +
                row(R"("status":"interrupted","version":7,"target":8,"code":"stalled","n":3)") +
                "," + row(R"("status":"applying","version":7,"target":8,"n":10)") + "," +
                row(R"("status":"error","version":7,"target":8,"code":"mcu_silent","n":1)") + "," +
                row(R"("status":"error","version":7,"target":8,"code":"hash_mismatch","n":1)") +
                "," +
                row(R"("status":"error","version":6,"target":8,"code":"hash_mismatch","n":2)") +
                "," + row(R"("status":"applied","version":9,"target":9,"n":5)") + "," +
                row(R"("status":"error","version":6,"target":7,"n":35)") + "]"};
  };
  const auto counted = count_by_query(hub, release);
  ASSERT_TRUE(counted) << counted.error().message;
  EXPECT_EQ(counted->queries, 1);
  EXPECT_EQ(counted->tally, (Tally{.targeted = 1007,
                                   .waiting = 635,
                                   .downloading = 20,
                                   .interrupted = 3,
                                   .applying = 10,
                                   .done = 330,
                                   .failed = 4,
                                   .newer = 5,
                                   .failures = {{.code = "hash_mismatch", .devices = 3},
                                                {.code = "mcu_silent", .devices = 1}}}));
  ASSERT_EQ(queries().size(), 1U);
  EXPECT_THAT(queries()[0],
              HasSubstr("WHERE tags.productType='pump' AND tags.deviceGroup='lab' GROUP BY "));
  EXPECT_THAT(queries()[0], HasSubstr("properties.reported.extFwInfo.Status AS status"));
}

TEST_F(Count, DevicesWithoutReportsAreCountedWhereGroupsLeaveThemOut) {
  answer_query = [](const std::string& query) {
    const bool grouped = query.find("Status AS status") != std::string::npos;
    return test::Response{.body =
                              "[" +
                              (grouped ? row(R"("status":"applied","version":8,"target":8,"n":2)")
                                       : row(R"("n":5)")) +
                              "]"};
  };
  const auto counted = count_by_query(hub, release);
  ASSERT_TRUE(counted) << counted.error().message;
  EXPECT_EQ(counted->queries, 2);
  EXPECT_EQ(counted->tally, (Tally{.targeted = 5, .waiting = 3, .done = 2}));
  EXPECT_FALSE(counted->tally.ended());
}

TEST_F(Count, NobodyIsNotFinished) {
  const auto counted = count_by_query(hub, release);
  ASSERT_TRUE(counted) << counted.error().message;
  EXPECT_EQ(counted->tally, Tally{});
  EXPECT_FALSE(counted->tally.ended());
}

TEST_F(Count, AnswersThatCannotBeReadAreNoZero) {
  answer_query = [](const std::string&) { return test::Response{.body = R"([{"$1":3}])"}; };
  EXPECT_EQ(count_by_query(hub, release).error().code, "unreadable_answer");
}

TEST_F(Count, AProductWithAQuoteIsOnlyAValue) {
  release.product = "o'hara' OR '1'='1";
  ASSERT_TRUE(count_by_query(hub, release));
  EXPECT_THAT(queries()[0], Not(HasSubstr("o'hara' OR '1'='1")));
}

TEST_F(Count, TheSilentOfAllGroupsAreToldApart) {
  answer_query = [](const std::string& query) {
    const bool grouped = query.find("Status AS status") != std::string::npos;
    const std::string all =
        grouped ? row(R"("status":"applied","version":8,"n":2)")
                : row(R"("n":3)") + R"(,{"product":"pump","inGroup":"field","n":4},{"n":9})";
    return test::Response{.body = "[" + all + "]"};
  };
  const auto fleet = count_fleet(hub, "");
  ASSERT_TRUE(fleet) << fleet.error().message;
  EXPECT_EQ(tally_of(fleet->rows, release), (Tally{.targeted = 3, .waiting = 1, .done = 2}));
  release.group = "field";
  EXPECT_EQ(tally_of(fleet->rows, release), (Tally{.targeted = 4, .waiting = 4}));
  EXPECT_THAT(queries()[1], Not(HasSubstr("WHERE")));
}

}  // namespace
}  // namespace ota::rollout
