#include "cloud/rollout/forecast.hpp"

#include "tests/http/rollout_hub.hpp"

namespace ota::rollout {
namespace {

using ::testing::DoubleNear;
using ::testing::HasSubstr;
using What = ForecastStep::What;

constexpr double kHour = 3600;
constexpr double kMinute = 60;

double seconds_of(const Forecast& forecast, What what) {
  for (const ForecastStep& step : forecast.steps) {
    if (step.what == what) return step.seconds;
  }
  ADD_FAILURE() << "no step " << to_text(what);
  return -1;
}

constexpr ForecastInput kMillion{
    .devices = 1'000'000, .offline = 1'000'000, .image_bytes = 512 * 1024};

TEST(Forecast, AMillionDevicesTakeWhatTheTablesSay) {
  const auto s1 = forecast(kMillion, quotas_of(Tier::S1, 1));
  EXPECT_DOUBLE_EQ(seconds_of(s1, What::Connections), 10'000);
  EXPECT_DOUBLE_EQ(seconds_of(s1, What::TwinReads), 10'000);
  // One desired write takes 5.6 h, four reports 22.2 h.
  EXPECT_THAT(seconds_of(s1, What::TwinUpdates), DoubleNear(27.8 * kHour, 0.05 * kHour));
  const auto s2 = forecast(kMillion, quotas_of(Tier::S2, 10));
  EXPECT_THAT(seconds_of(s2, What::Connections), DoubleNear(833, 1));
  EXPECT_THAT(seconds_of(s2, What::TwinUpdates), DoubleNear(27.8 * kHour, 0.05 * kHour));
  const auto s3 = forecast(kMillion, quotas_of(Tier::S3, 1));
  EXPECT_THAT(seconds_of(s3, What::Connections), DoubleNear(167, 1));
  EXPECT_THAT(seconds_of(s3, What::TwinReads), DoubleNear(33 * kMinute, kMinute));
  EXPECT_THAT(seconds_of(s3, What::TwinUpdates), DoubleNear(5 * 4000, 1));
  const auto ten = forecast(kMillion, quotas_of(Tier::S3, 10));
  EXPECT_THAT(seconds_of(ten, What::Connections), DoubleNear(17, 1));
  EXPECT_THAT(seconds_of(ten, What::TwinUpdates), DoubleNear(5 * 400, 1));
}

TEST(Forecast, MessagesAreMeteredAndDaysAreWaitedFor) {
  const auto s1 = forecast(kMillion, quotas_of(Tier::S1, 1));
  EXPECT_DOUBLE_EQ(s1.messages, 6'000'000);
  EXPECT_DOUBLE_EQ(seconds_of(s1, What::DailyMessages), 14 * 24 * kHour);  // 15 days of quota
  EXPECT_EQ(s1.bottleneck.what, What::DailyMessages);
  EXPECT_DOUBLE_EQ(s1.seconds, 14 * 24 * kHour + kCadenceSeconds);
  EXPECT_DOUBLE_EQ(seconds_of(forecast(kMillion, quotas_of(Tier::S1, 15)), What::DailyMessages), 0);
  EXPECT_DOUBLE_EQ(seconds_of(forecast(kMillion, quotas_of(Tier::S2, 1)), What::DailyMessages), 0);
  // The free edition counts pieces of half a KiB.
  const auto f1 = forecast({.devices = 500, .image_bytes = 1}, quotas_of(Tier::F1, 1));
  EXPECT_DOUBLE_EQ(f1.messages, 500 * (2 + 4 + 4));
}

TEST(Forecast, TheStorageHasLimitsToo) {
  const auto ten = forecast(kMillion, quotas_of(Tier::S3, 10));
  EXPECT_DOUBLE_EQ(ten.egress_bytes, 1e6 * 512 * 1024);
  EXPECT_THAT(seconds_of(ten, What::Egress), DoubleNear(84, 1));
  EXPECT_DOUBLE_EQ(seconds_of(ten, What::BlobRequests), 2000);  // one request for each device
}

TEST(Forecast, AFewDevicesWaitForTheHubsRhythmOnly) {
  const auto few = forecast({.devices = 10, .image_bytes = 1'000'000}, quotas_of(Tier::S1, 1));
  EXPECT_EQ(few.bottleneck.what, What::Cadence);
  EXPECT_THAT(bottleneck_sentence(few, quotas_of(Tier::S1, 1)), HasSubstr("five minutes"));
  const auto none = forecast({}, quotas_of(Tier::S1, 1));
  EXPECT_DOUBLE_EQ(none.seconds, 0);
  EXPECT_THAT(bottleneck_sentence(none, quotas_of(Tier::S1, 1)), HasSubstr("No device"));
}

TEST(Forecast, TheLocalHubKeepsNoQuotas) {
  const auto local = forecast({.devices = 3, .image_bytes = 100}, std::nullopt);
  EXPECT_TRUE(local.steps.empty());
  EXPECT_DOUBLE_EQ(local.egress_bytes, 300);
  EXPECT_THAT(bottleneck_sentence(local, std::nullopt), HasSubstr("no quotas"));
}

TEST(Forecast, EverySentenceNamesItsNumbers) {
  const auto quotas = quotas_of(Tier::S1, 2);
  for (const What what : {What::Connections, What::TwinReads, What::TwinUpdates,
                          What::DailyMessages, What::BlobRequests}) {
    const Forecast made{.bottleneck = {.what = what, .amount = 12345, .per_second = 50}};
    EXPECT_THAT(bottleneck_sentence(made, quotas), HasSubstr("12,345")) << to_text(what);
  }
}

TEST(QuotasOf, TwinUpdatesOfTheSmallEditionsDoNotGrowWithUnits) {
  EXPECT_DOUBLE_EQ(quotas_of(Tier::S1, 20).twin_updates_per_s, 50);
  EXPECT_DOUBLE_EQ(quotas_of(Tier::S1, 20).connections_per_s, 240);
  EXPECT_DOUBLE_EQ(quotas_of(Tier::S2, 20).twin_updates_per_s, 100);
  EXPECT_DOUBLE_EQ(quotas_of(Tier::S3, 2).queries_per_min, 2000);
}

TEST(PaceOf, OneOperatorTakesAQuarterOfTheQueries) {
  EXPECT_EQ(pace_of(quotas_of(Tier::F1, 1)).per_query, std::chrono::seconds(12));
  EXPECT_EQ(pace_of(quotas_of(Tier::S1, 4)).per_query, std::chrono::seconds(3));
  EXPECT_EQ(pace_of(quotas_of(Tier::S3, 1)).per_query, std::chrono::seconds(1));
  EXPECT_EQ(pace_of(quotas_of(Tier::S3, 1)).per_configuration_call, std::chrono::seconds(12));
  EXPECT_EQ(pace_of(std::nullopt).per_query, std::chrono::seconds(1));
}

TEST(ReadTier, ReadsTheNamesOfTheEditions) {
  for (const Tier tier : {Tier::F1, Tier::S1, Tier::S2, Tier::S3}) {
    EXPECT_EQ(read_tier(to_text(tier)), tier);
  }
  EXPECT_EQ(read_tier("B1"), std::nullopt);
}

class FindAudience : public test::RolloutHub {};

TEST_F(FindAudience, CountsWhoNeedsItAndWhoIsOnline) {
  answer_query = [](const std::string& query) {
    if (query.find("connectionState = 'Connected'") != std::string::npos) {
      return test::Response{.body = R"([{"n":4}])"};
    }
    return test::Response{.body = R"([{"product":"pump","inGroup":"lab","n":7},
      {"product":"pump","inGroup":"lab","status":"applied","version":9,"target":9,"n":2},
      {"product":"pump","inGroup":"lab","status":"applied","version":10,"target":10,"n":1}])"};
  };
  const auto audience = find_audience(hub, {.version = 9, .product = "pump", .group = "lab"});
  ASSERT_TRUE(audience) << audience.error().message;
  EXPECT_EQ(audience->tally.targeted, 10);
  EXPECT_EQ(audience->tally.done, 2);
  EXPECT_EQ(audience->to_update(), 7);
  EXPECT_EQ(audience->online, 4);
}

}  // namespace
}  // namespace ota::rollout
