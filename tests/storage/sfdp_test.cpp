#include "device/core/flash/sfdp.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "sim/flash/w25q128.hpp"

namespace ota::flash {
namespace {

using std::chrono::milliseconds;

std::vector<std::byte> w25q128_space() {
  const auto space = sim::w25q_sfdp(sim::kFlashBytes);
  const Bytes bytes = std::as_bytes(std::span(space));
  return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> w25q128_table(std::size_t size = 64) {
  const auto space = w25q128_space();
  return {space.begin() + 0x80, space.begin() + 0x80 + static_cast<std::ptrdiff_t>(size)};
}

TEST(Sfdp, ReadsTheTableOfARealW25q128) {
  const auto place = find_basic_table(w25q128_space());
  ASSERT_TRUE(place);
  EXPECT_EQ(place->address, 0x80U);
  EXPECT_EQ(place->size_bytes, 64U);
  const auto part = parse_basic_table(w25q128_table());
  ASSERT_TRUE(part);
  EXPECT_EQ(part->size_bytes, 16U << 20U);
  EXPECT_EQ(part->page_bytes, 256U);
  EXPECT_EQ(part->resume_opcode, 0x7A);
  const std::array<EraseType, 3> expected = {{{4096, 0x20, milliseconds(896)},
                                              {32768, 0x52, milliseconds(2000)},
                                              {65536, 0xD8, milliseconds(3000)}}};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(part->erase[i].size_bytes, expected[i].size_bytes);
    EXPECT_EQ(part->erase[i].opcode, expected[i].opcode);
    EXPECT_EQ(part->erase[i].limit, expected[i].limit);
  }
  EXPECT_EQ(part->program_limit, milliseconds(5)) << "the larger of 4.2 ms and the floor";
}

TEST(Sfdp, NeverWaitsLessThanThePartSays) {
  auto table = w25q128_table();
  store_le32(table.data() + 36, load_le32(table.data() + 36) | 0xFU);  // erase times x 32
  store_le32(table.data() + 40, load_le32(table.data() + 40) | 0xFU);  // program times x 32
  const auto part = parse_basic_table(table);
  ASSERT_TRUE(part);
  EXPECT_EQ(part->erase[0].limit, milliseconds(64 * 32));
  EXPECT_EQ(part->program_limit, std::chrono::microseconds(704 * 32));
}

TEST(Sfdp, ShortTableGetsConservativeLimits) {
  const auto part = parse_basic_table(w25q128_table(36));
  ASSERT_TRUE(part);
  EXPECT_EQ(part->page_bytes, 256U);
  EXPECT_EQ(part->erase[0].limit, milliseconds(500));
  EXPECT_EQ(part->erase[2].limit, milliseconds(3000));
}

TEST(Sfdp, RefusesWhatIsNoTable) {
  EXPECT_FALSE(find_basic_table(std::vector<std::byte>(64, std::byte{0xFF})));
  EXPECT_FALSE(find_basic_table({}));
  EXPECT_FALSE(parse_basic_table(w25q128_table(35)));
  EXPECT_FALSE(parse_basic_table(std::vector<std::byte>(64, std::byte{0x00})));
  EXPECT_FALSE(parse_basic_table(std::vector<std::byte>(64, std::byte{0xFF})));
  auto header = w25q128_space();
  header[8 + 3] = std::byte{8};  // fewer dwords than any revision has
  EXPECT_FALSE(find_basic_table(header));
}

TEST(Sfdp, AnyCorruptByteGivesAnErrorOrSaneSizes) {
  const auto original = w25q128_table();
  for (std::size_t at = 0; at < original.size(); ++at) {
    for (unsigned value = 0; value < 256; ++value) {
      auto table = original;
      table[at] = static_cast<std::byte>(value);
      const auto part = parse_basic_table(table);
      if (!part) continue;
      ASSERT_EQ(part->size_bytes & (part->size_bytes - 1), 0U);
      ASSERT_EQ(part->page_bytes & (part->page_bytes - 1), 0U);
      ASSERT_GE(part->page_bytes, 16U);
      ASSERT_GE(part->program_limit, milliseconds(5));
      for (const EraseType& type : part->erase) {
        if (type.size_bytes == 0) continue;
        ASSERT_LE(type.size_bytes, part->size_bytes);
        ASSERT_GE(type.limit, milliseconds(500));
      }
    }
  }
}

}  // namespace
}  // namespace ota::flash
