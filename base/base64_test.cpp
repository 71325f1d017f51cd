#include "base/base64.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "base/encoding.hpp"

namespace ota {
namespace {

// RFC 4648, section 10.
TEST(Base64, EncodesTheVectorsOfTheStandard) {
  const std::array<std::pair<const char*, const char*>, 7> vectors = {{{"", ""},
                                                                       {"f", "Zg=="},
                                                                       {"fo", "Zm8="},
                                                                       {"foo", "Zm9v"},
                                                                       {"foob", "Zm9vYg=="},
                                                                       {"fooba", "Zm9vYmE="},
                                                                       {"foobar", "Zm9vYmFy"}}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(to_base64(bytes_of(plain)), encoded);
    const auto back = from_base64(encoded);
    ASSERT_TRUE(back.has_value()) << encoded;
    EXPECT_EQ(text_of(*back), plain);
  }
}

TEST(Base64, RefusesWhatIsNotBase64) {
  for (const char* text :
       {"Zg=", "Zg", "Z===", "Zm9v====", "Zm 9", "Zg==Zg==", "=AAA", "Zm9\xff"}) {
    EXPECT_FALSE(from_base64(text).has_value()) << text;
  }
}

TEST(Base64, SaysWhenTheBufferIsTooSmall) {
  std::array<std::byte, 2> out{};
  EXPECT_EQ(base64_decode("Zm9v", out).error(), Errc::NoSpace);
}

}  // namespace
}  // namespace ota
