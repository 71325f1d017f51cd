#include "sim/link/link_faults.hpp"

#include <gtest/gtest.h>

#include <set>

namespace ota::sim {
namespace {

constexpr std::uint64_t kObjectBytes = 200'000;

TEST(LinkFaults, HaveDifferentNames) {
  std::set<std::string_view> names;
  for (std::uint8_t i = 0; i < kLinkFaultCount; ++i) {
    names.insert(to_text(static_cast<LinkFault>(i)));
  }
  EXPECT_EQ(names.size(), kLinkFaultCount);
  EXPECT_FALSE(names.contains("unknown"));
  EXPECT_EQ(to_text(LinkFault::Unavailable), "unavailable");
}

TEST(LinkFaults, AreNeverAGoodExchange) {
  SplitMix64 random(1);
  for (std::uint8_t i = 0; i < kLinkFaultCount; ++i) {
    const auto fault = static_cast<LinkFault>(i);
    EXPECT_NE(describe(exchange_with(fault, random, kObjectBytes)), "good") << to_text(fault);
  }
  EXPECT_EQ(describe({}), "good");
}

TEST(LinkFaults, VoidBytesOnlyWhereTheObjectChangedOrTheRangeWasIgnored) {
  SplitMix64 random(2);
  std::set<std::string_view> voiding;
  for (std::uint8_t i = 0; i < kLinkFaultCount; ++i) {
    const auto fault = static_cast<LinkFault>(i);
    if (voids_bytes(exchange_with(fault, random, kObjectBytes))) voiding.insert(to_text(fault));
  }
  EXPECT_EQ(voiding,
            (std::set<std::string_view>{"range_ignored", "etag_changed", "etag_changed_unasked",
                                        "content_changed", "condition_failed"}));
}

TEST(LinkFaults, AreDrawnAllAndTheSameFromTheSameSeed) {
  SplitMix64 random(3);
  SplitMix64 again(3);
  std::set<LinkFault> seen;
  for (int i = 0; i < 2000; ++i) {
    const DrawnFault drawn = draw_fault(random, kObjectBytes);
    const DrawnFault same = draw_fault(again, kObjectBytes);
    EXPECT_EQ(drawn.fault, same.fault);
    EXPECT_EQ(describe(drawn.exchange), describe(same.exchange));
    seen.insert(drawn.fault);
  }
  EXPECT_EQ(seen.size(), kLinkFaultCount);
}

TEST(LinkFaults, BreakWithinTheObjectHoweverSmallItIs) {
  SplitMix64 random(4);
  for (int i = 0; i < 5000; ++i) {
    const std::uint64_t bytes = 1 + random.below(5);
    const Exchange drop = exchange_with(LinkFault::Drop, random, bytes);
    EXPECT_LT(*drop.drop_after, bytes);
    const Exchange stall = exchange_with(LinkFault::Stall, random, bytes);
    EXPECT_LT(*stall.stall_after, bytes);
  }
}

TEST(LinkFaults, SayWhatTheyDo) {
  EXPECT_EQ(describe({.status = 503, .retry_after = std::chrono::seconds(120)}),
            "status 503, Retry-After 120 s");
  EXPECT_EQ(describe({.drop_after = 77, .ignore_range = true}), "drop after 77, range ignored");
}

}  // namespace
}  // namespace ota::sim
