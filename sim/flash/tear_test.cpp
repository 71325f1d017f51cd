#include "sim/flash/tear.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <vector>

namespace ota::sim {
namespace {

std::vector<std::byte> content(const FlashCells& cells, std::uint32_t size) {
  std::vector<std::byte> bytes(size);
  cells.read(0, bytes);
  return bytes;
}

int zero_bits(const std::vector<std::byte>& bytes) {
  int zeros = 0;
  for (const std::byte byte : bytes) zeros += 8 - std::popcount(std::to_integer<unsigned>(byte));
  return zeros;
}

class ProgramTearTest : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(ProgramTearTest, ClearsOnlyBitsOfTheProgram) {
  for (std::uint8_t kind = 0; kind < kProgramTearCount; ++kind) {
    SCOPED_TRACE(to_text(static_cast<ProgramTear>(kind)));
    SplitMix64 random(GetParam());
    FlashCells cells;
    std::vector<std::byte> data(kPageBytes);
    for (auto& byte : data) byte = static_cast<std::byte>(random.next());
    tear_program(cells, 0, data, static_cast<ProgramTear>(kind), random);
    const auto torn = content(cells, kPageBytes);
    for (std::size_t i = 0; i < kPageBytes; ++i) ASSERT_EQ(torn[i] & data[i], data[i]) << i;
    const int zeros = zero_bits(torn);
    const int all = zero_bits(data);
    switch (static_cast<ProgramTear>(kind)) {
      case ProgramTear::None:
        EXPECT_EQ(zeros, 0);
        break;
      case ProgramTear::All:
        EXPECT_EQ(zeros, all);
        break;
      case ProgramTear::BarelyStarted:
        EXPECT_TRUE(zeros >= 1 && zeros <= 8) << zeros;
        break;
      case ProgramTear::AlmostDone:
        EXPECT_TRUE(zeros < all && zeros >= all - 8) << zeros;
        break;
      case ProgramTear::Prefix:
      case ProgramTear::RandomSubset:
        EXPECT_LT(zeros, all);
        break;
    }
  }
}

TEST_P(ProgramTearTest, EraseTearsStayInsideTheirRange) {
  for (std::uint8_t kind = 0; kind < kEraseTearCount; ++kind) {
    SCOPED_TRACE(to_text(static_cast<EraseTear>(kind)));
    SplitMix64 random(GetParam());
    FlashCells cells;
    const std::vector<std::byte> old(3 * kBlockBytes, std::byte{0x5A});
    cells.overwrite(0, old);
    tear_erase(cells, kBlockBytes, kBlockBytes, static_cast<EraseTear>(kind), random);
    const auto torn = content(cells, 3 * kBlockBytes);
    const auto is_old = [](std::byte byte) { return byte == std::byte{0x5A}; };
    EXPECT_TRUE(std::all_of(torn.begin(), torn.begin() + kBlockBytes, is_old));
    EXPECT_TRUE(std::all_of(torn.begin() + 2 * kBlockBytes, torn.end(), is_old));
    const std::vector middle(torn.begin() + kBlockBytes, torn.begin() + 2 * kBlockBytes);
    const int zeros = zero_bits(middle);
    const int before = 4 * static_cast<int>(kBlockBytes);
    switch (static_cast<EraseTear>(kind)) {
      case EraseTear::None:
        EXPECT_EQ(zeros, before);
        break;
      case EraseTear::All:
        EXPECT_EQ(zeros, 0);
        break;
      case EraseTear::PreProgrammed:
        EXPECT_EQ(zeros, 2 * before);
        break;
      case EraseTear::AlmostDone:
        EXPECT_TRUE(zeros >= 1 && zeros <= 8) << zeros;
        break;
      case EraseTear::Unstable:
        EXPECT_TRUE(zeros <= 64 || (zeros >= before - 64 && zeros <= before + 64)) << zeros;
        EXPECT_TRUE(cells.any_unstable(kBlockBytes, kBlockBytes));
        EXPECT_FALSE(cells.any_unstable(0, kBlockBytes));
        EXPECT_FALSE(cells.any_unstable(2 * kBlockBytes, kBlockBytes));
        break;
      case EraseTear::Partial:
      case EraseTear::SubSector:
        EXPECT_TRUE(zeros > 0 && zeros < before) << zeros;
        break;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ProgramTearTest, ::testing::Range<std::uint64_t>(1, 9));

}  // namespace
}  // namespace ota::sim
