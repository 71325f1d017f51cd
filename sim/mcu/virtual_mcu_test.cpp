#include "sim/mcu/virtual_mcu.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <vector>

#include "sim/mcu/vector_table.hpp"

namespace ota::sim {
namespace {

std::vector<std::byte> image(std::uint32_t stack, std::uint32_t reset, std::size_t size = 5000) {
  std::vector<std::byte> bytes(size, std::byte{0x5A});
  store_le32(bytes.data(), stack);
  store_le32(bytes.data() + 4, reset);
  return bytes;
}

class VirtualMcuTest : public ::testing::Test {
 protected:
  VirtualMcuTest() {
    std::string pattern = ::testing::TempDir() + "mcu-ota-mcu-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~VirtualMcuTest() override { std::filesystem::remove_all(folder_); }

  Result<std::uint64_t, McuError> program(VirtualMcu& mcu, Bytes bytes, std::size_t given,
                                          std::string version = "7") {
    std::size_t at = 0;
    const auto input = [&](MutableBytes out) {
      const std::size_t count = std::min(out.size(), given - at);
      std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), count, out.begin());
      at += count;
      return count;
    };
    return mcu.program(
        {.size_bytes = bytes.size(), .sha256 = sha256(bytes), .version = std::move(version)},
        input);
  }

  std::filesystem::path folder_;
  const std::vector<std::byte> good_ = image(0x2002'0000, 0x0800'8101);
};

TEST_F(VirtualMcuTest, ReportsTheVersionItWasProgrammedWith) {
  VirtualMcu mcu(folder_);
  EXPECT_FALSE(mcu.version()) << "a blank MCU runs nothing";
  ASSERT_TRUE(program(mcu, good_, good_.size()));
  EXPECT_EQ(mcu.version().value(), "7");
}

TEST_F(VirtualMcuTest, HasNoApplicationAfterAnInterruptedProgramming) {
  VirtualMcu mcu(folder_);
  ASSERT_TRUE(program(mcu, good_, good_.size()));
  EXPECT_FALSE(program(mcu, good_, 4000));
  EXPECT_FALSE(mcu.version());
}

TEST_F(VirtualMcuTest, DoesNotStartAnImageWithABrokenVectorTable) {
  VirtualMcu mcu(folder_);
  const auto broken = image(0x1234'5678, 0x9ABC'DEF0);
  ASSERT_TRUE(program(mcu, broken, broken.size())) << "the bootloader itself cannot tell";
  EXPECT_FALSE(mcu.version());
  EXPECT_TRUE(VirtualMcu(folder_, BootCheck::NotErased).version());
}

TEST_F(VirtualMcuTest, NeverStartsErasedFlash) {
  VirtualMcu mcu(folder_);
  const auto erased = image(0xFFFF'FFFF, 0xFFFF'FFFF);
  ASSERT_TRUE(program(mcu, erased, erased.size()));
  EXPECT_FALSE(mcu.version());
  EXPECT_FALSE(VirtualMcu(folder_, BootCheck::NotErased).version());
}

TEST(VectorTable, WantsStackInRamAndAThumbResetInFlash) {
  EXPECT_TRUE(has_cortex_m_vectors(image(0x2002'0000, 0x0800'8101)));
  EXPECT_FALSE(has_cortex_m_vectors(image(0x2000'0000, 0x0800'8101)));
  EXPECT_FALSE(has_cortex_m_vectors(image(0x2002'0002, 0x0800'8101)));
  EXPECT_FALSE(has_cortex_m_vectors(image(0x2002'0000, 0x0800'8100)));
  EXPECT_FALSE(has_cortex_m_vectors(image(0x2002'0000, 0x1800'8101)));
  EXPECT_FALSE(has_cortex_m_vectors({}));
}

}  // namespace
}  // namespace ota::sim
