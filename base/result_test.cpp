#include "base/result.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace ota {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return Errc::Misaligned;
  return number / 2;
}

Result<std::string> quarter(int number) {
  OTA_TRY(const int halved, half(number));
  OTA_TRY(half(halved));
  return std::to_string(halved / 2);
}

TEST(Result, CarriesTheFirstErrorUp) {
  EXPECT_EQ(quarter(12).value(), "3");
  EXPECT_EQ(quarter(6).error(), Errc::Misaligned);
  EXPECT_EQ(quarter(7).error(), Errc::Misaligned);
}

TEST(Result, MovesValuesThatCannotBeCopied) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  const std::unique_ptr<int> owner = std::move(result).value();
  EXPECT_EQ(*owner, 7);
}

TEST(ResultDeathTest, TrapsWhenTheWrongSideIsAskedFor) {
  EXPECT_DEATH((void)half(1).value(), "");
  EXPECT_DEATH((void)half(2).error(), "");
}

}  // namespace
}  // namespace ota
