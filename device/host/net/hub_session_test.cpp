#include "device/host/net/hub_session.hpp"

#include <gmock/gmock.h>

#include "contract/azure/topics.hpp"

namespace ota::net {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view kOffer = R"({"version":7})";
const std::string kTwin =
    R"({"desired":{"extFwInfo":{"version":7},"$version":4},"reported":{"$version":1}})";

/// A hub that answers by hand, in virtual time.
class HubSessionTest : public ::testing::Test {
 protected:
  std::string connect_and_get_request_id() {
    session_.subscribed(now_);
    const auto publishes = session_.take_publishes();
    EXPECT_THAT(publishes, ::testing::Not(IsEmpty()));
    return id_of(publishes.front().topic);
  }

  static std::string id_of(const std::string& topic) {
    return topic.substr(topic.find("$rid=") + 5);
  }

  void answer(const std::string& id, int status, std::string_view body = {}) {
    session_.received(contract::twin_response_topic({status, id, std::nullopt}), body, now_);
  }

  void patch(std::uint64_t version, std::string_view body) {
    session_.received(contract::desired_patch_topic(version), body, now_);
  }

  void pass(Duration time) {
    now_ += time;
    session_.tick(now_);
  }

  std::optional<Wish> settled_wish() {
    pass(kSettleTime);
    return session_.take_wish();
  }

  SplitMix64 random_{11};
  HubSession session_{"dev-1", random_};
  Instant now_{std::chrono::minutes(1)};
};

TEST_F(HubSessionTest, AsksForTheTwinAfterSubscribing) {
  session_.subscribed(now_);
  const auto publishes = session_.take_publishes();
  ASSERT_THAT(publishes, SizeIs(1));
  EXPECT_TRUE(publishes[0].topic.starts_with("$iothub/twin/GET/?$rid="));
}

TEST_F(HubSessionTest, HandsTheOfferOverOnceItIsSettled) {
  answer(connect_and_get_request_id(), 200, kTwin);
  pass(kSettleTime - Duration(1));
  EXPECT_EQ(session_.take_wish(), std::nullopt);
  pass(Duration(1));
  EXPECT_EQ(session_.take_wish(), Wish{std::string(kOffer)});
}

TEST_F(HubSessionTest, MergesPatchesThatComeInPieces) {
  answer(connect_and_get_request_id(), 200, kTwin);
  patch(5, R"({"extFwInfo":{"version":8},"$version":5})");
  pass(std::chrono::seconds(1));
  patch(6, R"({"extFwInfo":{"size":9},"$version":6})");
  pass(std::chrono::seconds(1));
  EXPECT_EQ(session_.take_wish(), std::nullopt);  // still settling
  EXPECT_EQ(settled_wish(), Wish{R"({"size":9,"version":8})"});
}

TEST_F(HubSessionTest, PatchesDuringTheGetAreAppliedAfterIt) {
  const std::string id = connect_and_get_request_id();
  patch(4, R"({"extFwInfo":{"version":1},"$version":4})");  // already in the twin below
  patch(5, R"({"extFwInfo":{"version":9},"$version":5})");
  answer(id, 200, kTwin);
  EXPECT_EQ(settled_wish(), Wish{R"({"version":9})"});
}

TEST_F(HubSessionTest, AGapFetchesTheTwinAgain) {
  answer(connect_and_get_request_id(), 200, kTwin);
  ASSERT_TRUE(settled_wish());
  patch(6, R"({"extFwInfo":{"version":9},"$version":6})");
  const auto publishes = session_.take_publishes();
  ASSERT_THAT(publishes, SizeIs(1));
  answer(id_of(publishes[0].topic), 200, R"({"desired":{"extFwInfo":{"version":9},"$version":6}})");
  EXPECT_EQ(settled_wish(), Wish{R"({"version":9})"});
}

TEST_F(HubSessionTest, SaysNothingWhileTheOfferStaysTheSame) {
  answer(connect_and_get_request_id(), 200, kTwin);
  ASSERT_TRUE(settled_wish());
  patch(5, R"({"other":1,"$version":5})");
  EXPECT_EQ(settled_wish(), std::nullopt);
}

TEST_F(HubSessionTest, SaysTheSameAgainAfterAReconnect) {
  answer(connect_and_get_request_id(), 200, kTwin);
  ASSERT_TRUE(settled_wish());
  session_.disconnected();
  answer(connect_and_get_request_id(), 200, kTwin);
  EXPECT_EQ(settled_wish(), Wish{std::string(kOffer)});
}

TEST_F(HubSessionTest, ARemovedOfferIsAWithdrawal) {
  answer(connect_and_get_request_id(), 200, kTwin);
  ASSERT_TRUE(settled_wish());
  patch(5, R"({"extFwInfo":null,"$version":5})");
  EXPECT_EQ(settled_wish(), Wish{std::nullopt});
}

TEST_F(HubSessionTest, ATwinThatIsThrottledIsAskedForAgainLater) {
  answer(connect_and_get_request_id(), 429, R"({"errorCode":429001})");
  EXPECT_THAT(session_.take_publishes(), IsEmpty());
  const auto due = session_.deadline();
  ASSERT_TRUE(due);
  EXPECT_GE(*due, now_ + kRetryFloor);
  now_ = *due;
  session_.tick(now_);
  EXPECT_THAT(session_.take_publishes(), SizeIs(1));
}

TEST_F(HubSessionTest, ASilentHubIsNoticed) {
  connect_and_get_request_id();
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(session_.silent());
    pass(kAnswerTimeout);
  }
  EXPECT_TRUE(session_.silent());
  session_.disconnected();
  connect_and_get_request_id();
  EXPECT_FALSE(session_.silent());
}

TEST_F(HubSessionTest, KeepsTheTimesOfTheSite) {
  const Timing timing{.answer_timeout = std::chrono::seconds(3),
                      .settle_time = std::chrono::milliseconds(100),
                      .retry_max = std::chrono::seconds(1)};
  HubSession session("dev-1", random_, timing);
  session.subscribed(now_);
  EXPECT_EQ(session.deadline(), now_ + timing.answer_timeout);
  const std::string first = id_of(session.take_publishes().front().topic);
  session.received(contract::twin_response_topic({429, first, std::nullopt}), {}, now_);
  EXPECT_LE(session.deadline(), now_ + kRetryFloor + timing.retry_max);
  now_ = *session.deadline();
  session.tick(now_);
  const std::string second = id_of(session.take_publishes().front().topic);
  session.received(contract::twin_response_topic({200, second, std::nullopt}), kTwin, now_);
  EXPECT_EQ(session.deadline(), now_ + timing.settle_time);
}

TEST_F(HubSessionTest, AnOutcomeIsSentAgainAfterAReconnectUntilAcknowledged) {
  session_.report({"patch", 5});
  session_.subscribed(now_);
  ASSERT_THAT(session_.take_publishes(), SizeIs(2));
  session_.disconnected();
  session_.subscribed(now_);
  const auto publishes = session_.take_publishes();
  ASSERT_THAT(publishes, SizeIs(2));
  EXPECT_TRUE(publishes[1].topic.starts_with("$iothub/twin/PATCH/properties/reported/?$rid="));
  EXPECT_EQ(publishes[1].payload, "patch");
  answer(id_of(publishes[1].topic), 204);
  EXPECT_THAT(session_.take_acknowledged(), ElementsAre(5U));
  EXPECT_EQ(session_.reports_waiting(), 0U);
}

TEST_F(HubSessionTest, TelemetryIsNotKeptWhileOffline) {
  session_.telemetry("{}");
  session_.subscribed(now_);
  EXPECT_THAT(session_.take_publishes(), SizeIs(1));
  session_.telemetry("{}");
  const auto publishes = session_.take_publishes();
  ASSERT_THAT(publishes, SizeIs(1));
  EXPECT_TRUE(
      publishes[0].topic.starts_with("devices/dev-1/messages/events/%24.ct=application%2Fjson"));
}

TEST_F(HubSessionTest, IgnoresAnswersToNothingAndBadTopics) {
  answer(connect_and_get_request_id(), 200, kTwin);
  for (const char* topic : {"", "$iothub/twin/res/", "$iothub/twin/res/x/?$rid=1",
                            "$iothub/twin/PATCH/properties/desired/?$version=x", "foo"}) {
    session_.received(topic, "{", now_);
  }
  answer("g99", 200, R"({"desired":{"$version":1}})");
  EXPECT_EQ(settled_wish(), Wish{std::string(kOffer)});
}

}  // namespace
}  // namespace ota::net
