#include "device/host/net/report_outbox.hpp"

#include <gmock/gmock.h>

#include "contract/azure/topics.hpp"
#include "device/host/net/timing.hpp"

namespace ota::net {
namespace {

using std::chrono::minutes;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string request_id(const Publish& publish) {
  return publish.topic.substr(publish.topic.find("$rid=") + 5);
}

class ReportOutboxTest : public ::testing::Test {
 protected:
  SplitMix64 random_{7};
  ReportOutbox outbox_{random_};
  Instant now_{minutes(1)};
};

TEST_F(ReportOutboxTest, AcknowledgesAnOutcomeOnlyAfter204) {
  outbox_.add({"done", 3});
  const auto sent = outbox_.next(now_);
  ASSERT_TRUE(sent);
  EXPECT_EQ(sent->payload, "done");
  EXPECT_THAT(outbox_.take_acknowledged(), IsEmpty());
  EXPECT_TRUE(outbox_.answered(request_id(*sent), 204, now_));
  EXPECT_THAT(outbox_.take_acknowledged(), ElementsAre(3U));
  EXPECT_EQ(outbox_.next(now_), std::nullopt);
}

TEST_F(ReportOutboxTest, SendsOneAtATimeAndInOrder) {
  outbox_.add({"first", 1});
  const auto first = outbox_.next(now_);
  outbox_.add({"second", 2});
  EXPECT_EQ(outbox_.next(now_), std::nullopt);
  outbox_.answered(request_id(*first), 204, now_);
  EXPECT_EQ(outbox_.next(now_)->payload, "second");
}

TEST_F(ReportOutboxTest, NewerProgressReplacesOlderThatWaits) {
  outbox_.add({"25", 0});
  const auto first = outbox_.next(now_);
  outbox_.add({"50", 0});
  outbox_.add({"75", 0});
  EXPECT_EQ(outbox_.size(), 2U);  // the one in flight stays
  outbox_.answered(request_id(*first), 204, now_);
  EXPECT_EQ(outbox_.next(now_)->payload, "75");
}

TEST_F(ReportOutboxTest, ProgressNeverReplacesAnOutcome) {
  outbox_.add({"outcome", 1});
  outbox_.add({"progress", 0});
  EXPECT_EQ(outbox_.next(now_)->payload, "outcome");
  EXPECT_EQ(outbox_.size(), 2U);
}

TEST_F(ReportOutboxTest, NeverSaysWhatANewerOutcomeMadeFalse) {
  outbox_.add({"applied 3", 1});
  ASSERT_TRUE(outbox_.next(now_));
  outbox_.add({"downloading 4", 0});
  outbox_.add({"applied 4", 2});
  outbox_.connection_lost();
  outbox_.add({"applied 5", 3});
  outbox_.add({"downloading 6", 0});
  const auto sent = outbox_.next(now_);
  EXPECT_EQ(sent->payload, "applied 5");
  outbox_.answered(request_id(*sent), 204, now_);
  EXPECT_THAT(outbox_.take_acknowledged(), ElementsAre(3U));
  EXPECT_EQ(outbox_.next(now_)->payload, "downloading 6");
}

TEST_F(ReportOutboxTest, SaysAppliedNoMoreOnceTheMcuIsProgrammedAgain) {
  outbox_.add({"applied 3", 1, Claim::McuRuns});
  outbox_.add({"downloading 4", 0});
  EXPECT_EQ(outbox_.next(now_)->payload, "applied 3");
  outbox_.add({"programming 4", 0, Claim::McuBusy});
  outbox_.connection_lost();
  outbox_.add({"waiting 4", 0});
  EXPECT_EQ(outbox_.next(now_)->payload, "waiting 4");
}

TEST_F(ReportOutboxTest, ProgrammingAgainHidesNoFailure) {
  outbox_.add({"rolled back", 1});
  outbox_.add({"programming 4", 0, Claim::McuBusy});
  EXPECT_EQ(outbox_.next(now_)->payload, "rolled back");
}

TEST_F(ReportOutboxTest, TakesARepeatedOutcomeOnce) {
  outbox_.add({"outcome", 1});
  outbox_.add({"outcome again", 1});
  EXPECT_EQ(outbox_.size(), 1U);
}

TEST_F(ReportOutboxTest, SendsAgainAfterALostConnection) {
  outbox_.add({"outcome", 1});
  const auto first = outbox_.next(now_);
  outbox_.connection_lost();
  EXPECT_FALSE(outbox_.answered(request_id(*first), 204, now_));
  EXPECT_EQ(outbox_.next(now_)->payload, "outcome");
}

TEST_F(ReportOutboxTest, WaitsLongerWhileTheHubThrottles) {
  outbox_.add({"outcome", 1});
  for (int i = 0; i < 4; ++i) {
    const auto sent = outbox_.next(now_);
    ASSERT_TRUE(sent);
    outbox_.answered(request_id(*sent), 429, now_);
    EXPECT_EQ(outbox_.next(now_), std::nullopt);
    ASSERT_GE(*outbox_.deadline(), now_ + kRetryFloor);
    now_ = *outbox_.deadline();
  }
  EXPECT_EQ(outbox_.size(), 1U);
}

TEST_F(ReportOutboxTest, KeepsWhatTheHubCannotStoreNow) {
  outbox_.add({"outcome", 1});
  for (const int status : {500, 503}) {
    const auto sent = outbox_.next(now_);
    ASSERT_TRUE(sent);
    outbox_.answered(request_id(*sent), status, now_);
    EXPECT_THAT(outbox_.take_acknowledged(), IsEmpty());
    now_ = *outbox_.deadline();
  }
  EXPECT_EQ(outbox_.next(now_)->payload, "outcome");
}

TEST_F(ReportOutboxTest, CountsMissingAnswers) {
  outbox_.add({"outcome", 1});
  ASSERT_TRUE(outbox_.next(now_));
  outbox_.tick(now_ + kAnswerTimeout);
  EXPECT_EQ(outbox_.unanswered(), 1U);
  ASSERT_TRUE(outbox_.next(now_ + minutes(20)));
}

TEST_F(ReportOutboxTest, DropsWhatTheHubWillNeverTake) {
  outbox_.add({"bad", 1});
  const auto sent = outbox_.next(now_);
  outbox_.answered(request_id(*sent), 400, now_);
  EXPECT_EQ(outbox_.size(), 0U);
  EXPECT_THAT(outbox_.take_acknowledged(), IsEmpty());
}

}  // namespace
}  // namespace ota::net
