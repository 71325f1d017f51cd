#include "base/crc32.hpp"

#include <gtest/gtest.h>

namespace ota {
namespace {

TEST(Crc32, MatchesTheCheckValueOfItsCatalogue) {
  EXPECT_EQ(crc32(bytes_of("123456789")), 0xCBF43926U);
}

TEST(Crc32, GoesOnFromAnEarlierResult) {
  EXPECT_EQ(crc32(bytes_of("6789"), crc32(bytes_of("12345"))), crc32(bytes_of("123456789")));
}

}  // namespace
}  // namespace ota
