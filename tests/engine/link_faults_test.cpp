// One whole update under each fault of link and server: the image that comes out, the bytes that it
// costs, what the device says meanwhile, and when it tries again.

#include "sim/link/link_faults.hpp"

#include "tests/engine/engine_rig.hpp"
#include "tests/run_settings.hpp"

namespace ota::test {
namespace {

using namespace std::chrono_literals;
using sim::Exchange;
using sim::LinkFault;
using Seen = sim::ScriptedTransport::Seen;

const std::vector<std::byte> kImage = random_image(150'000, 7);

void renew_token(EngineRig& rig) {
  rig.twin->sas.append("+");
  rig.offer();
}

void expect_right_image(EngineRig& rig) {
  EXPECT_EQ(rig.mcu.running(), "7");
  EXPECT_EQ(rig.mcu.wrong_images, 0);
  EXPECT_EQ(rig.last_report().status, StatusWord::Applied);
  EXPECT_EQ(rig.slot_version(store::Slot::Current), 7U);
  EXPECT_EQ(rig.updater().unexpected_events(), 0U);
}

/// What a device says while a fault lasts, and whether it then waits for a person or the cloud.
struct Reaction {
  LinkFault fault;
  Code code;
  bool waits_for_help = false;
};
constexpr Reaction kReactions[] = {
    {LinkFault::Unreachable, Code::NetworkUnreachable},
    {LinkFault::TlsUntrusted, Code::TlsUntrusted},
    {LinkFault::ClockUnset, Code::ClockUnset},
    {LinkFault::NoAnswer, Code::NetworkUnreachable},
    {LinkFault::DropInHead, Code::NetworkUnreachable},
    {LinkFault::RangeElsewhere, Code::ServerError},
    {LinkFault::RangeOtherTotal, Code::BadOffer, true},
    {LinkFault::RangeAbsent, Code::ServerError},
    {LinkFault::LoginPage, Code::ServerError},
    {LinkFault::MovedPermanently, Code::HttpRefused, true},
    {LinkFault::MovedTemporarily, Code::HttpRefused, true},
    {LinkFault::BadRequest, Code::HttpRefused, true},
    {LinkFault::TokenExpired, Code::SasExpired, true},
    {LinkFault::NotFound, Code::NotFound, true},
    {LinkFault::RequestTimeout, Code::ServerError},
    {LinkFault::RangeRefused, Code::BadOffer, true},
    {LinkFault::ServerError, Code::ServerError},
};

class UnderFault : public ::testing::TestWithParam<std::uint8_t> {
 protected:
  static LinkFault fault() { return static_cast<LinkFault>(GetParam()); }
};

std::string name_of(const testing::TestParamInfo<std::uint8_t>& info) {
  return std::string(to_text(static_cast<LinkFault>(info.param)));
}

// Before any byte is there, within a flash block, at its end, and before the last byte.
TEST_P(UnderFault, TheRightImageComesOutAndNoByteIsFetchedTwice) {
  SplitMix64 random(seed_of_run() + GetParam());
  for (const std::uint64_t stored : {0UL, 70'000UL, 65'536UL, kImage.size() - 1}) {
    for (std::uint64_t draw = 0; draw < 3; draw += sample_of_run()) {
      const Exchange exchange = exchange_with(fault(), random, kImage.size());
      SCOPED_TRACE(testing::Message() << "OTA_TEST_SEED=" << seed_of_run() << ", after " << stored
                                      << " bytes: " << describe(exchange));
      EngineRig rig;
      rig.publish(kImage, 7);
      if (stored > 0) rig.transport.then({.drop_after = stored});
      rig.transport.then(exchange);
      rig.offer();
      rig.run(1h);
      if (exchange.expire_token) renew_token(rig);
      rig.run(48h);
      expect_right_image(rig);
      EXPECT_EQ(rig.transport.bytes_again(), 0U);
      if (!voids_bytes(exchange)) {
        EXPECT_LE(rig.transport.bytes_sent(), kImage.size() + exchange.excess_bytes);
      }
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Each, UnderFault, testing::Range(std::uint8_t{0}, sim::kLinkFaultCount),
                         name_of);

TEST(FaultyLink, AreReportedByTheirCodeAndTriedAgainInTime) {
  for (const Reaction& reaction : kReactions) {
    SplitMix64 random(7);
    SCOPED_TRACE(to_text(reaction.fault));
    EngineRig rig;
    rig.publish(kImage, 7);
    rig.transport.then({.drop_after = 70'000});
    Exchange exchange = exchange_with(reaction.fault, random, 1);
    if (exchange.shift_total != 0) exchange.shift_total = 1;  // Less than the range is malformed.
    if (!exchange.expire_token) exchange.lasts = 6h;
    rig.transport.then(exchange);
    rig.offer();
    rig.run(5h);
    EXPECT_EQ(rig.last_report().status, StatusWord::Interrupted);
    EXPECT_EQ(rig.last_report().code, reaction.code) << to_text(rig.last_report().code);
    EXPECT_FALSE(rig.last_report().detail.empty());
    EXPECT_EQ(rig.last_report().phase,
              reaction.waits_for_help ? Phase::Waiting : Phase::Downloading);
    const auto& requests = rig.transport.requests();
    const std::size_t tries = requests.size();
    if (reaction.waits_for_help) {
      EXPECT_EQ(tries, 2U);
    } else {
      EXPECT_GE(tries, 20U) << "at least every quarter of an hour";
      EXPECT_LE(tries, 70U) << "no storm";
    }
    EXPECT_LE(rig.hub.reports.size(), 3U) << "one report per change, not per try";
    if (exchange.expire_token) renew_token(rig);
    rig.run(25h);
    expect_right_image(rig);
    EXPECT_EQ(rig.transport.bytes_sent(), kImage.size());
  }
}

TEST(FaultyLink, PauseNoLongerThanTheBackOffAllowsAndStartAtOnceAfterProgress) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.transport.then({.drop_after = 70'000});
  rig.transport.then({.without_head = true, .lasts = 3h});
  rig.transport.then({.drop_after = 10});
  rig.offer();
  rig.run();
  rig.run(3h);
  expect_right_image(rig);
  const auto& requests = rig.transport.requests();
  Duration ceiling = fetch::kBackoffBase;
  for (std::size_t i = 2; i + 2 < requests.size(); ++i) {
    ceiling = std::min(2 * ceiling, fetch::kBackoffCap);
    EXPECT_LE(requests[i].at - requests[i - 1].at, ceiling) << "before request " << i;
  }
  const Seen& progress = requests[requests.size() - 2];
  EXPECT_EQ(progress.body_bytes, 10U);
  EXPECT_LE(requests.back().at - progress.at, fetch::kBackoffBase + 1ms)
      << "a byte of progress ends the long pauses";
}

TEST(FaultyLink, SpreadTheTriesOfAFleetThatLostItsServerTogether) {
  std::vector<Duration> third_tries;
  for (std::uint64_t device = 0; device < 20; ++device) {
    EngineRig rig;
    rig.random = SplitMix64(device);
    rig.publish(kImage, 7);
    for (int i = 0; i < 10; ++i) rig.transport.then({.without_head = true});
    rig.offer();
    rig.run();
    third_tries.push_back(rig.transport.requests()[9].at - rig.transport.requests()[0].at);
  }
  std::sort(third_tries.begin(), third_tries.end());
  EXPECT_GT(third_tries.back() - third_tries.front(), 60s);
  EXPECT_EQ(std::adjacent_find(third_tries.begin(), third_tries.end()), third_tries.end());
}

TEST(FaultyLink, WaitAsLongAsTheServerAsksButNoLongerThanADay) {
  for (const int status : {408, 429, 500, 503}) {
    for (const Duration asked :
         {Duration(5s), Duration(40min), Duration(24h), Duration(90 * 24h)}) {
      SCOPED_TRACE(testing::Message() << status << ", " << asked.count() << " us");
      EngineRig rig;
      rig.publish(kImage, 7);
      rig.transport.then({.drop_after = 70'000});
      rig.transport.then({.status = status, .retry_after = asked});
      rig.offer();
      rig.run(26h);
      const auto& requests = rig.transport.requests();
      ASSERT_EQ(requests.size(), 3U);
      const Duration pause = requests[2].at - requests[1].at;
      const Duration wanted = std::min<Duration>(asked, fetch::kRetryAfterMax);
      EXPECT_GE(pause, wanted);
      EXPECT_LE(pause, wanted + 2s);
      expect_right_image(rig);
      EXPECT_EQ(rig.transport.bytes_sent(), kImage.size());
    }
  }
}

TEST(FaultyLink, BackOffWhenTheServerAsksForNoPauseAtAll) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.transport.then({.status = 503, .retry_after = Duration{}, .lasts = 1h});
  rig.offer();
  rig.run(1h);
  EXPECT_LE(rig.transport.requests().size(), 40U);
}

TEST(FaultyLink, AnExpiredTokenCostsNoByteHoweverOftenItExpires) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.offer();
  for (int times = 0; times < 5; ++times) {
    rig.transport.then({.drop_after = 20'000});
    rig.transport.then({.expire_token = true});
    rig.run();
    EXPECT_EQ(rig.last_report().code, Code::SasExpired);
    rig.boot();  // The token is in no journal: the twin brings it again.
    rig.run();
    EXPECT_EQ(rig.last_report().code, Code::SasExpired);
    renew_token(rig);
  }
  rig.run();
  expect_right_image(rig);
  EXPECT_EQ(rig.transport.bytes_again(), 0U);
  EXPECT_EQ(rig.transport.bytes_sent(), kImage.size());
}

TEST(FaultyLink, ATokenThatIsRenewedBeforeItExpiresIsUsedForTheNextRequest) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.transport.then({.drop_after = 70'000});
  rig.offer();
  rig.run(0s);
  rig.transport.demand_sas("sig=token+");
  renew_token(rig);
  rig.run();
  expect_right_image(rig);
  for (const Seen& seen : rig.transport.requests()) EXPECT_EQ(seen.status, 206);
  EXPECT_EQ(rig.transport.bytes_sent(), kImage.size());
}

TEST(FaultyLink, AClockThatIsSetAtLastLetsTheDownloadGoOn) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.transport.then({.drop_after = 70'000});
  rig.transport.then(
      {.end = fetch::TransferEnd::TlsNotYetValid, .without_head = true, .lasts = 2h});
  rig.offer();
  rig.run(2h);
  EXPECT_EQ(rig.last_report().code, Code::ClockUnset);
  rig.run(30min);
  expect_right_image(rig);
  EXPECT_EQ(rig.transport.bytes_sent(), kImage.size());
}

TEST(FaultyLink, ALinkThatDropsEveryFewBytesStillBringsTheImageOnce) {
  EngineRig rig;
  rig.publish(kImage, 7);
  for (std::size_t i = 0; i < kImage.size() / 300; ++i) rig.transport.then({.drop_after = 300});
  rig.offer();
  rig.run(2h);
  expect_right_image(rig);
  EXPECT_EQ(rig.transport.bytes_sent(), kImage.size());
}

TEST(FaultyLink, AServerWithShortRangesStillBringsTheImageOnce) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.transport.then({.part_bytes = 4096, .lasts = 10h});
  rig.offer();
  rig.run();
  expect_right_image(rig);
  EXPECT_EQ(rig.transport.bytes_sent(), kImage.size());
}

TEST(FaultyLink, AnEtagThatChangesAtEachRequestIsNoStorm) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.transport.then({.drop_after = 70'000, .replaced = true, .lasts = 12h});
  rig.offer();
  rig.run(12h);
  EXPECT_LE(rig.transport.requests().size(), 300U);
  rig.run();
  expect_right_image(rig);
}

TEST(FaultyLink, ContentChangedUnderItsEtagHalfwayIsFoundAndFetchedAnew) {
  EngineRig rig;
  rig.publish(random_image(kImage.size(), 99), 7).sha256 = sha256(kImage);
  rig.transport.then({.drop_after = 70'000});
  rig.offer();
  rig.run(0s);
  rig.remote.bytes = kImage;
  rig.transport.serve(rig.remote);
  rig.run();
  expect_right_image(rig);
  EXPECT_EQ(rig.transport.requests().size(), 3U) << "the rest, then all of it";
}

TEST(FaultyLink, FollowEachOtherInEveryOrder) {
  for (std::uint64_t seed = seed_of_run(); seed < seed_of_run() + 60; seed += sample_of_run()) {
    SCOPED_TRACE(testing::Message() << "OTA_TEST_SEED=" << seed);
    SplitMix64 random(seed);
    EngineRig rig;
    rig.publish(kImage, 7);
    rig.offer();
    int wrong_contents = 0;
    for (int i = 0; i < 12; ++i) {
      Exchange exchange = sim::draw_fault(random, kImage.size()).exchange;
      // The third wrong image in a row is refused for good.
      if (exchange.stale_content && ++wrong_contents > 2) exchange.stale_content = false;
      rig.transport.then(exchange);
    }
    for (int day = 0; day < 40; ++day) {
      rig.run(24h);
      if (rig.last_report().code == Code::SasExpired) renew_token(rig);
    }
    expect_right_image(rig);
    EXPECT_EQ(rig.transport.bytes_again(), 0U);
  }
}

}  // namespace
}  // namespace ota::test
