#include "base/crc32.hpp"

#include <gtest/gtest.h>

#include <array>

namespace ota {
namespace {

TEST(Crc32, MatchesTheCheckValueOfItsCatalogue) {
  EXPECT_EQ(crc32(bytes_of("123456789")), 0xCBF43926U);
}

TEST(Crc32, GoesOnFromAnEarlierResult) {
  EXPECT_EQ(crc32(bytes_of("6789"), crc32(bytes_of("12345"))), crc32(bytes_of("123456789")));
}

TEST(Crc32, AgreesWithTheDefinitionForEachLengthAndAlignment) {
  std::array<std::byte, 48> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 37 + 11);
  for (std::size_t begin = 0; begin < 8; ++begin) {
    std::uint32_t sum = 0xFFFFFFFF;  // bit by bit
    for (std::size_t end = begin; end < bytes.size(); ++end) {
      EXPECT_EQ(crc32(Bytes(bytes).subspan(begin, end - begin)), ~sum) << begin << ".." << end;
      sum ^= std::to_integer<std::uint32_t>(bytes[end]);
      for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1U) ^ ((sum & 1U) != 0 ? 0xEDB88320U : 0U);
    }
  }
}

}  // namespace
}  // namespace ota
