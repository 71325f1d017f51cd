#include "base/text.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace ota {
namespace {

TEST(Text, ReadsNumbersThatAreTheWholeText) {
  EXPECT_EQ(read_number<std::uint8_t>("255"), 255);
  EXPECT_EQ(read_number<int>("-7"), -7);
  EXPECT_EQ(read_number<std::uint64_t>("18446744073709551615"), UINT64_MAX);
}

TEST(Text, ReadsNothingElseAsANumber) {
  for (const char* text : {"", " 1", "1 ", "+1", "-1", "0x1", "1.0", "oops"})
    EXPECT_FALSE(read_number<std::uint32_t>(text)) << text;
  EXPECT_FALSE(read_number<std::uint8_t>("256"));
}

TEST(Text, ChangesOnlyLettersOfAscii) {
  EXPECT_EQ(lower_case("If-Match [A@Z] \xC3\x84"), "if-match [a@z] \xC3\x84");
}

TEST(Text, ComparesWithoutCase) {
  EXPECT_TRUE(equal_ignoring_case("", ""));
  EXPECT_TRUE(equal_ignoring_case("eTag", "ETAG"));
  EXPECT_FALSE(equal_ignoring_case("tag", "tags"));
  EXPECT_FALSE(equal_ignoring_case("[", "{"));
}

TEST(Text, TrimsWhatItIsTold) {
  EXPECT_EQ(trimmed("\t a b \r\n"), "a b");
  EXPECT_EQ(trimmed(" \n"), "");
  EXPECT_EQ(trimmed(" a\n", " "), "a\n");
}

}  // namespace
}  // namespace ota
