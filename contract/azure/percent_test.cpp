#include "contract/azure/percent.hpp"

#include <gtest/gtest.h>

namespace ota::contract {
namespace {

TEST(Percent, EncodesAllButTheUnreservedCharacters) {
  EXPECT_EQ(percent_encode("contoso.azure-devices.net/devices/a_b~c d+%"),
            "contoso.azure-devices.net%2Fdevices%2Fa_b~c%20d%2B%25");
}

TEST(Percent, DecodesOnceAndLeavesPlusAlone) {
  EXPECT_EQ(percent_decode("a%2fb%2Fc+d%25"), "a/b/c+d%");
  EXPECT_EQ(percent_decode("%41"), "A");
}

TEST(Percent, RefusesABrokenEscape) {
  EXPECT_FALSE(percent_decode("abc%2").has_value());
  EXPECT_FALSE(percent_decode("abc%").has_value());
  EXPECT_FALSE(percent_decode("%zz").has_value());
}

TEST(Percent, SplitsABagAtTheFirstEquals) {
  const BagFields fields = split_bag("sig=a%3D=&se=5&&flag");
  ASSERT_EQ(fields.size(), 3U);
  EXPECT_EQ(bag_value(fields, "sig"), "a%3D=");
  EXPECT_EQ(bag_value(fields, "se"), "5");
  EXPECT_EQ(bag_value(fields, "flag"), "");
  EXPECT_FALSE(bag_value(fields, "none").has_value());
}

}  // namespace
}  // namespace ota::contract
