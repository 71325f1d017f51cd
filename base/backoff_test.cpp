#include "base/backoff.hpp"

#include <gtest/gtest.h>

namespace ota {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, GrowsToItsCapAndStartsAgainAfterSuccess) {
  SplitMix64 random(1);
  Backoff backoff(1s, 15min);
  EXPECT_EQ(backoff.ceiling(), 1s);
  for (int i = 0; i < 40; ++i) EXPECT_LE(backoff.next(random), 15min);
  EXPECT_EQ(backoff.ceiling(), 15min);
  backoff.reset();
  EXPECT_EQ(backoff.ceiling(), 1s);
}

TEST(Backoff, SpreadsOverTheWholeWindow) {
  SplitMix64 random(7);
  int early = 0;
  for (int i = 0; i < 1000; ++i) {
    Backoff backoff(10s, 10s);
    if (backoff.next(random) < 5s) ++early;
  }
  EXPECT_NEAR(early, 500, 80);
}

}  // namespace
}  // namespace ota
