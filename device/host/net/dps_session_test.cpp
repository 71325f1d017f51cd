#include "device/host/net/dps_session.hpp"

#include <gmock/gmock.h>

#include "contract/azure/topics.hpp"
#include "device/host/net/timing.hpp"

namespace ota::net {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Kind = DpsFailure::Kind;

constexpr std::string_view kAssigned =
    R"({"operationId":"4.a","status":"assigned","registrationState":{"registrationId":"dev-1",)"
    R"("assignedHub":"hub1.local","deviceId":"dev-1","status":"assigned"}})";

class DpsSessionTest : public ::testing::Test {
 protected:
  void SetUp() override { session_.subscribed(now_); }

  Publish sent() {
    auto publishes = session_.take_publishes();
    EXPECT_THAT(publishes, SizeIs(1));
    return publishes.empty() ? Publish{} : publishes.front();
  }

  /// Answers the request in flight.
  void answer(int status, std::string_view body, std::optional<std::uint32_t> retry_after = {}) {
    const std::string topic = sent().topic;
    std::string id = topic.substr(topic.find("$rid=") + 5);
    id = id.substr(0, id.find('&'));
    session_.received(contract::dps_response_topic({status, id, retry_after}), body, now_);
  }

  void at_deadline() {
    ASSERT_TRUE(session_.deadline());
    now_ = *session_.deadline();
    session_.tick(now_);
  }

  DpsSession session_{"dev-1"};
  Instant now_{std::chrono::minutes(1)};
};

TEST_F(DpsSessionTest, RegistersPollsAndIsAssigned) {
  const Publish first = sent();
  EXPECT_EQ(first.topic, "$dps/registrations/PUT/iotdps-register/?$rid=1");
  EXPECT_EQ(first.payload, R"({"registrationId":"dev-1"})");
  session_.received("$dps/registrations/res/202/?$rid=1&retry-after=3",
                    R"({"operationId":"4.a","status":"assigning"})", now_);
  EXPECT_EQ(session_.deadline(), now_ + std::chrono::seconds(3));
  EXPECT_THAT(session_.take_publishes(), IsEmpty());
  at_deadline();
  const Publish poll = sent();
  EXPECT_EQ(poll.topic,
            "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId=4.a");
  session_.received("$dps/registrations/res/200/?$rid=2", kAssigned, now_);
  ASSERT_TRUE(session_.outcome());
  EXPECT_EQ(session_.outcome()->value(), (Assignment{"hub1.local", "dev-1"}));
  EXPECT_EQ(session_.deadline(), std::nullopt);
}

TEST_F(DpsSessionTest, TriesAgainLaterWhenThrottled) {
  answer(429, "{}", 7);
  EXPECT_EQ(session_.deadline(), now_ + std::chrono::seconds(7));
  at_deadline();
  answer(200, kAssigned);
  EXPECT_TRUE(session_.outcome()->has_value());
}

TEST_F(DpsSessionTest, AbsentOrAbsurdRetryTimesAreBounded) {
  answer(503, "{}");
  EXPECT_EQ(session_.deadline(), now_ + std::chrono::seconds(2));
  at_deadline();
  answer(503, "{}", 4'000'000'000U);
  EXPECT_EQ(session_.deadline(), now_ + std::chrono::seconds(300));
}

TEST_F(DpsSessionTest, SaysWhyItWasRefused) {
  answer(401, R"({"errorCode":401002,"message":"Invalid certificate."})");
  EXPECT_EQ(session_.outcome()->error().kind, Kind::Refused);
  EXPECT_THAT(session_.outcome()->error().detail, HasSubstr("Invalid certificate. (code 401002)"));
}

TEST_F(DpsSessionTest, AFailedAllocationIsARefusal) {
  answer(200, R"({"operationId":"4.a","status":"failed",)"
              R"("registrationState":{"errorCode":400207,"errorMessage":"no hub"}})");
  EXPECT_EQ(session_.outcome()->error().kind, Kind::Refused);
  EXPECT_THAT(session_.outcome()->error().detail, HasSubstr("no hub (code 400207)"));
}

TEST_F(DpsSessionTest, ADisabledEnrollmentIsToldApart) {
  answer(200,
         R"({"operationId":"","status":"disabled","registrationState":{"status":"disabled"}})");
  EXPECT_EQ(session_.outcome()->error().kind, Kind::Disabled);
}

TEST_F(DpsSessionTest, ASilentServiceEndsTheAttempt) {
  EXPECT_EQ(session_.deadline(), now_ + kAnswerTimeout);
  at_deadline();
  EXPECT_EQ(session_.outcome()->error().kind, Kind::Silent);
}

TEST_F(DpsSessionTest, NeverPollsForEver) {
  int polls = 0;
  while (!session_.outcome() && polls < 1000) {
    answer(202, R"({"operationId":"4.a","status":"assigning"})", 1);
    at_deadline();
    ++polls;
  }
  EXPECT_EQ(session_.outcome()->error().kind, Kind::Silent);
}

TEST_F(DpsSessionTest, StrangeAnswersAreFailuresNotCrashes) {
  for (const char* body :
       {"", "[]", "{", "{}", R"({"status":7})", R"({"status":"assigned"})",
        R"({"status":"assigned","registrationState":[]})", R"({"status":"assigning"})",
        R"({"status":"assigning","operationId":5})"}) {
    DpsSession session("dev-1");
    session.subscribed(now_);
    session.received("$dps/registrations/res/200/?$rid=1", body, now_);
    ASSERT_TRUE(session.outcome()) << body;
    EXPECT_EQ(session.outcome()->error().kind, Kind::Protocol) << body;
  }
}

TEST_F(DpsSessionTest, RefusesAnAnswerThatIsNestedTooDeepToBeCopied) {
  answer(200, R"({"status":"assigned","registrationState":)" + std::string(32'000, '[') +
                  std::string(32'000, ']') + "}");
  ASSERT_TRUE(session_.outcome());
  EXPECT_EQ(session_.outcome()->error().kind, Kind::Protocol);
}

TEST_F(DpsSessionTest, IgnoresAnswersToOtherRequests) {
  session_.received("$dps/registrations/res/200/?$rid=77", kAssigned, now_);
  EXPECT_FALSE(session_.outcome());
}

}  // namespace
}  // namespace ota::net
