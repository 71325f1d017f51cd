#include "base/hex.hpp"

#include <gtest/gtest.h>

#include <array>

#include "base/encoding.hpp"

namespace ota {
namespace {

TEST(Hex, ReadsEitherCaseAndWritesLower) {
  std::array<std::byte, 3> out{};
  ASSERT_TRUE(hex_decode("00aFfE", out));
  EXPECT_EQ(to_hex(out), "00affe");
}

TEST(Hex, RefusesWrongLengthAndForeignCharacters) {
  std::array<std::byte, 2> out{};
  EXPECT_EQ(hex_decode("abc", out).error(), Errc::OutOfRange);
  EXPECT_EQ(hex_decode("abcg", out).error(), Errc::Corrupt);
}

}  // namespace
}  // namespace ota
