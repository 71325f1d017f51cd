#include "device/core/store/image_attribute.hpp"

#include <gtest/gtest.h>

namespace ota::store {
namespace {

ImageIdentity identity() {
  ImageIdentity image;
  image.version = 7;
  image.size_bytes = 123'456;
  image.sha256.fill(std::byte{0xC3});
  image.mcu_version = "7.0.1";
  image.etag = "\"0x8D4BCC2E4835CD0\"";
  return image;
}

TEST(ImageAttribute, ComesBackAsItWasWritten) {
  const auto again = decode_attribute(encode_attribute(identity()));
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->same_image(identity()));
  EXPECT_EQ(again->mcu_version, identity().mcu_version);
  EXPECT_EQ(again->etag, identity().etag);
}

TEST(ImageAttribute, KeepsTheByteOffsetsOfFormat1) {
  const ImageAttribute bytes = encode_attribute(identity());
  EXPECT_EQ(bytes[0], std::byte{1});
  EXPECT_EQ(load_le32(&bytes[4]), 7U);
  EXPECT_EQ(load_le32(&bytes[8]), 123'456U);
  EXPECT_EQ(bytes[12], std::byte{0xC3});
  EXPECT_EQ(text_of(Bytes(bytes).subspan(44, 5)), "7.0.1");
  EXPECT_EQ(text_of(Bytes(bytes).subspan(92, 3)), "\"0x");
}

TEST(ImageAttribute, AnyChangedBitOrLengthIsCorrupt) {
  const ImageAttribute original = encode_attribute(identity());
  for (std::size_t bit = 0; bit < 8 * original.size(); ++bit) {
    ImageAttribute changed = original;
    changed[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    ASSERT_FALSE(decode_attribute(changed)) << "bit " << bit;
  }
  EXPECT_FALSE(decode_attribute(Bytes(original).first(original.size() - 1)));
  EXPECT_FALSE(decode_attribute({}));
}

}  // namespace
}  // namespace ota::store
