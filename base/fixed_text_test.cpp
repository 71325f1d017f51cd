#include "base/fixed_text.hpp"

#include <gtest/gtest.h>

namespace ota {
namespace {

TEST(FixedText, RefusesTextThatDoesNotFitAndKeepsTheOld) {
  FixedText<4> text("abc");
  EXPECT_FALSE(text.assign("abcde"));
  EXPECT_EQ(text, "abc");
  EXPECT_TRUE(text.assign("abcd"));
  EXPECT_EQ(text, "abcd");
}

TEST(FixedText, AppendsNumbersAndStopsAtItsEnd) {
  FixedText<8> text("v");
  text.append_number(0).append(".").append_number(123456789);
  EXPECT_EQ(text, "v0.12345");
}

}  // namespace
}  // namespace ota
