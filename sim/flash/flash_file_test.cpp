#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "sim/flash/flash_cells.hpp"

namespace ota::sim {
namespace {

class FlashFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "flash-file-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    path_ = folder_ + "/flash.bin";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  static std::byte byte_at(const FlashCells& cells, std::uint32_t address) {
    std::array<std::byte, 1> cell{};
    cells.read(address, cell);
    return cell[0];
  }

  std::string folder_;
  std::string path_;
};

TEST_F(FlashFileTest, NewFileIsABlankPartOf16MiB) {
  const auto cells = FlashCells::open(path_);
  ASSERT_TRUE(cells) << cells.error();
  EXPECT_EQ(std::filesystem::file_size(path_), kFlashBytes);
  EXPECT_EQ(byte_at(*cells, 0), std::byte{0xFF});
  EXPECT_EQ(byte_at(*cells, kFlashBytes - 1), std::byte{0xFF});
}

TEST_F(FlashFileTest, KeepsBytesAndLifeOfAKilledProcess) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto cells = FlashCells::open(path_);
    if (cells) {
      cells->overwrite(70'000, std::array{std::byte{0x42}});
      cells->stats().programs = 5;
    }
    ::kill(::getpid(), SIGKILL);
  }
  int how = 0;
  ASSERT_EQ(::waitpid(child, &how, 0), child);
  ASSERT_TRUE(WIFSIGNALED(how));
  const auto cells = FlashCells::open(path_);
  ASSERT_TRUE(cells) << cells.error();
  EXPECT_EQ(byte_at(*cells, 70'000), std::byte{0x42});
  EXPECT_EQ(cells->stats().programs, 5U);
}

TEST_F(FlashFileTest, RefusesASecondUserAndNamesTheFile) {
  const auto first = FlashCells::open(path_);
  ASSERT_TRUE(first) << first.error();
  const auto second = FlashCells::open(path_);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().find(path_), std::string::npos);
  EXPECT_NE(second.error().find("used by another process"), std::string::npos);
}

TEST_F(FlashFileTest, RefusesAFileOfAnotherSize) {
  std::ofstream(path_) << "not a flash";
  const auto cells = FlashCells::open(path_);
  ASSERT_FALSE(cells);
  EXPECT_NE(cells.error().find("11 bytes"), std::string::npos) << cells.error();
  EXPECT_EQ(std::filesystem::file_size(path_), 11U) << "a refused file is left alone";
}

TEST_F(FlashFileTest, CompletesAFileWhoseCreationWasCutShort) {
  std::ofstream(path_, std::ios::binary) << std::string(100'000, '\xFF');
  const auto cells = FlashCells::open(path_);
  ASSERT_TRUE(cells) << cells.error();
  EXPECT_EQ(std::filesystem::file_size(path_), kFlashBytes);
  EXPECT_EQ(byte_at(*cells, kFlashBytes - 1), std::byte{0xFF});
}

TEST_F(FlashFileTest, BeginsANewLifeOverForeignStatistics) {
  std::ofstream(path_ + ".stats") << "something else";
  const auto cells = FlashCells::open(path_);
  ASSERT_TRUE(cells) << cells.error();
  EXPECT_EQ(cells->stats().operations, 0U);
}

TEST_F(FlashFileTest, CopyIsIndependentOfTheFile) {
  auto cells = FlashCells::open(path_);
  ASSERT_TRUE(cells) << cells.error();
  FlashCells copy = *cells;
  copy.overwrite(0, std::array{std::byte{0x00}});
  EXPECT_EQ(byte_at(*cells, 0), std::byte{0xFF});
}

}  // namespace
}  // namespace ota::sim
