#include "cloud/hub/blob/crc64.hpp"

#include <gtest/gtest.h>

#include <string_view>

namespace ota::hub {
namespace {

TEST(Crc64, HasTheCheckValueOfTheCatalogue) {
  Crc64 crc;
  crc.update(bytes_of("123456789"));
  EXPECT_EQ(crc.value(), 0xAE8B14860A799888U);
  EXPECT_EQ(crc.text(), "iJh5CoYUi64=");
}

TEST(Crc64, OfNothingIsZero) {
  EXPECT_EQ(Crc64().value(), 0U);
  EXPECT_EQ(Crc64().text(), "AAAAAAAAAAA=");
}

/// Bit by bit, from the definition.
std::uint64_t slowly(std::string_view text) {
  std::uint64_t crc = ~std::uint64_t{0};
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x9A6C9329AC4BC9B5U : crc >> 1;
  }
  return ~crc;
}

TEST(Crc64, DoesNotDependOnThePieces) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += static_cast<char>(i * 37 + 11);
  for (std::size_t size = 0; size <= text.size(); ++size) {
    const std::string_view part = std::string_view(text).substr(0, size);
    for (std::size_t cut = 0; cut <= size; cut += 3) {
      Crc64 crc;
      crc.update(bytes_of(part.substr(0, cut)));
      crc.update(bytes_of(part.substr(cut)));
      ASSERT_EQ(crc.value(), slowly(part)) << size << " bytes, cut at " << cut;
    }
  }
}

}  // namespace
}  // namespace ota::hub
