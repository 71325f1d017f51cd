#include "device/core/store/ctz.hpp"

#include <gtest/gtest.h>

#include <array>

namespace ota::store {
namespace {

constexpr std::uint32_t kPartBytes = 16U * 1024U * 1024U;

/// Counts as littlefs lays a file out: block 0 is all data, block i begins with ctz(i) + 1
/// pointers.
class CtzTest : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(CtzTest, AgreesWithTheLayoutForEveryOffset) {
  const std::uint32_t block_bytes = GetParam();
  std::uint32_t index = 0;
  std::uint64_t begin = 0;
  std::uint64_t end = block_bytes;
  for (std::uint32_t offset = 0; offset < kPartBytes; ++offset) {
    if (offset == end) {
      ++index;
      begin = end;
      end += block_bytes - 4U * (static_cast<unsigned>(std::countr_zero(index)) + 1U);
      ASSERT_EQ(ctz_block_start(index, block_bytes), begin);
    }
    ASSERT_EQ(ctz_next_boundary(offset, block_bytes), end) << "offset " << offset;
    if (offset + 1 == end || offset == begin || offset % 97 == 0) {
      ASSERT_EQ(ctz_blocks(offset, block_bytes), offset == begin ? index : index + 1) << offset;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(BlockSizes, CtzTest, ::testing::Values(4096U, 32768U, 65536U));

TEST(Ctz, BoundariesOf64KiBBlocks) {
  constexpr std::array<std::uint64_t, 9> kStarts = {65536,  131068, 196596, 262128, 327652,
                                                    393184, 458712, 524244, 589764};
  for (std::uint32_t i = 0; i < kStarts.size(); ++i) {
    EXPECT_EQ(ctz_block_start(i + 1, 65536), kStarts[i]);
  }
}

}  // namespace
}  // namespace ota::store
