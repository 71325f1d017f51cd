// The limits of an edition, seen by clients.

#include "cloud/hub/core/throttle.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cloud/hub/core/test_hub.hpp"

namespace ota::hub {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

/// The throttles of an edition under a clock of the test.
struct Limited {
  explicit Limited(Tier tier) {
    settings.now = [this] { return now; };
    settings.tier = tier;
  }
  contract::UnixSeconds now = 1'800'000'000;
  Settings settings;
  Throttle throttle{settings};
};

TEST(Throttle, FillsABucketAtItsRateAndNoFurther) {
  Limited hub(Tier::S1);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(hub.throttle.take(Operation::Query));
  const auto refused = hub.throttle.take(Operation::Query);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, code::kThrottled);
  EXPECT_EQ(refused.error().retry_after_s, 3U);
  hub.now += 2;
  EXPECT_FALSE(hub.throttle.take(Operation::Query));
  hub.now += 1;
  EXPECT_TRUE(hub.throttle.take(Operation::Query));
  EXPECT_FALSE(hub.throttle.take(Operation::Query));
  hub.now += 3600;
  EXPECT_EQ(hub.throttle.available(Operation::Query), 20);
  EXPECT_EQ(hub.throttle.available(Operation::TwinRead), 100);
}

TEST(Throttle, LetsMoreThanABucketPassAndMakesOthersWait) {
  Limited hub(Tier::S2);
  EXPECT_TRUE(hub.throttle.take(Operation::JobDevice, 25));
  EXPECT_FALSE(hub.throttle.take(Operation::JobDevice));
  hub.now += 1;
  EXPECT_FALSE(hub.throttle.take(Operation::JobDevice));
  hub.now += 1;
  EXPECT_TRUE(hub.throttle.take(Operation::JobDevice));
}

TEST(Throttle, SurvivesAClockThatIsSetBack) {
  Limited hub(Tier::F1);
  while (hub.throttle.take(Operation::TwinUpdate)) {
  }
  hub.now -= 1000;
  EXPECT_FALSE(hub.throttle.take(Operation::TwinUpdate));
  hub.now += 1;
  EXPECT_TRUE(hub.throttle.take(Operation::TwinUpdate));
}

TEST(Throttle, LimitsNothingUnlessAsked) {
  Settings settings;
  settings.now = [] { return contract::UnixSeconds{1}; };
  Throttle throttle(settings);
  for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(throttle.take(Operation::Configuration));
  EXPECT_EQ(throttle.available(Operation::Configuration), std::nullopt);
}

class LimitsTest : public HubTest {
 protected:
  void SetUp() override {
    tier_ = Tier::F1;
    HubTest::SetUp();
  }
  void create_devices(int from, int count) {
    json items = json::array();
    for (int i = from; i < from + count; ++i) items.push_back({{"id", "d" + std::to_string(i)}});
    ASSERT_EQ(call("POST", "/devices", items.dump()).status, 200);
  }
};

TEST_F(LimitsTest, AnswersTooManyQueriesWith429AndSaysWhenToComeAgain) {
  const std::string query = R"({"query":"SELECT * FROM devices"})";
  for (int i = 0; i < 20; ++i) ASSERT_EQ(call("POST", "/devices/query", query).status, 200);
  const auto answer = call("POST", "/devices/query", query);
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(answer.headers.find("iothub-errorcode"), "ThrottlingException");
  EXPECT_EQ(answer.headers.find("Retry-After"), "3");
  EXPECT_THAT(answer.body, HasSubstr("20 in 60 s"));
  now_ += 3;
  EXPECT_EQ(call("POST", "/devices/query", query).status, 200);
}

TEST_F(LimitsTest, CountsEachDeviceOfABulkRequest) {
  create_devices(0, 100);
  EXPECT_EQ(call("GET", "/devices/d1").status, 429);
  now_ += 1;
  EXPECT_EQ(call("GET", "/devices/d1").status, 200);
}

TEST_F(LimitsTest, AnswersTwinRequestsOfDevicesWith429) {
  create_devices(0, 1);
  for (int i = 0; i < 50; ++i)
    ASSERT_EQ(patch_reported("d0", R"({"a":1})", std::nullopt).status, 204);
  const Answer patched = patch_reported("d0", R"({"a":1})", std::nullopt);
  EXPECT_EQ(patched.status, 429);
  EXPECT_EQ(json::parse(patched.body)["errorCode"], 429001);
  EXPECT_EQ(core_->get_twin("d0").status, 200);
}

TEST_F(LimitsTest, RefusesConnectionsAboveTheRate) {
  create_devices(0, 1);
  for (int i = 0; i < 100; ++i) (void)login("d0", "no token");
  const auto refused = login("d0", "no token");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), LoginRefusal::Throttled);
}

TEST_F(LimitsTest, DoesNotChargeStrangers) {
  HttpRequest request{.method = "POST",
                      .path = "/devices/query",
                      .query = "api-version=2021-04-12",
                      .headers = {},
                      .body = R"({"query":"SELECT * FROM devices"})",
                      .peer_address = {}};
  for (int i = 0; i < 30; ++i) ASSERT_EQ(core_->handle(request)->status, 401);
  EXPECT_EQ(call("POST", "/devices/query", request.body).status, 200);
}

TEST_F(LimitsTest, HoldsAsManyDevicesAndConfigurationsAsTheEdition) {
  for (int i = 0; i < 5; ++i) {
    create_devices(i * 100, 100);
    now_ += 60;
  }
  const auto answer = call("PUT", "/devices/one-more", "{}");
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(answer.headers.find("iothub-errorcode"), "IotHubQuotaExceeded");
  const json configuration = {{"content", {{"deviceContent", {{"properties.desired.x", 1}}}}},
                              {"targetCondition", ""},
                              {"priority", 1}};
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(call("PUT", "/configurations/c" + std::to_string(i), configuration.dump()).status,
              200);
  }
  now_ += 60;
  EXPECT_EQ(call("PUT", "/configurations/c10", configuration.dump()).status, 403);
}

}  // namespace
}  // namespace ota::hub
