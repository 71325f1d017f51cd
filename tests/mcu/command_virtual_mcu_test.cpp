// The command programmer and the virtual MCU as two programs, as on a device.

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <filesystem>
#include <thread>
#include <vector>

#include "device/host/command/child_process.hpp"
#include "device/host/command/command_programmer.hpp"
#include "sim/mcu/virtual_mcu.hpp"

namespace ota::test {
namespace {

using namespace std::chrono_literals;
using command::Command;

class ImageBytes final : public mcu::ImageSource {
 public:
  explicit ImageBytes(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}
  Result<std::size_t> read(std::uint32_t offset, MutableBytes out) noexcept override {
    const std::size_t count = std::min(out.size(), bytes_.size() - offset);
    std::copy_n(bytes_.begin() + offset, count, out.begin());
    return count;
  }
  mcu::ImageInfo info(std::uint32_t version) const {
    mcu::ImageInfo info{.version = version,
                        .size_bytes = static_cast<std::uint32_t>(bytes_.size()),
                        .sha256 = sha256(bytes_),
                        .mcu_version = {}};
    info.mcu_version.append("1.").append_number(version);
    return info;
  }

 private:
  std::vector<std::byte> bytes_;
};

std::vector<std::byte> firmware(std::uint32_t reset_vector) {
  std::vector<std::byte> bytes(300'000, std::byte{0xA5});
  store_le32(bytes.data(), 0x2002'0000);
  store_le32(bytes.data() + 4, reset_vector);
  return bytes;
}

class CommandVirtualMcu : public ::testing::Test {
 protected:
  CommandVirtualMcu() {
    std::string pattern = ::testing::TempDir() + "mcu-ota-peer-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~CommandVirtualMcu() override { std::filesystem::remove_all(folder_); }

  command::ProgrammerSettings settings(const std::string& rate = "0") {
    command::ProgrammerSettings settings;
    settings.program = {{OTA_VIRTUAL_MCU, "program", "--state", folder_ + "/mcu", "--rate", rate}};
    settings.version = {{OTA_VIRTUAL_MCU, "version", "--state", folder_ + "/mcu"}};
    settings.lock_file = folder_ + "/lock";
    settings.log = [this](const std::string& line) { log_ += line + "\n"; };
    return settings;
  }

  std::string folder_;
  std::string log_;
  ImageBytes good_{firmware(0x0800'8101)};
  ImageBytes bad_{firmware(0xFFFF'FFFF)};
};

TEST_F(CommandVirtualMcu, ProgramsAndReportsTheVersion) {
  command::CommandProgrammer programmer(settings());
  EXPECT_FALSE(programmer.running_version());
  ASSERT_TRUE(programmer.program(good_.info(7), good_)) << log_;
  const auto version = programmer.running_version();
  ASSERT_TRUE(version) << log_;
  EXPECT_EQ(*version, "1.7");
}

TEST_F(CommandVirtualMcu, ReportsNothingWhenTheImageDoesNotStart) {
  command::CommandProgrammer programmer(settings());
  ASSERT_TRUE(programmer.program(bad_.info(8), bad_)) << log_;
  EXPECT_FALSE(programmer.running_version());
  ASSERT_TRUE(programmer.program(good_.info(7), good_)) << "and takes the old one back";
  EXPECT_TRUE(programmer.running_version());
}

TEST_F(CommandVirtualMcu, HasNoApplicationAfterATimeOutAndTakesOneAgain) {
  command::CommandProgrammer once(settings());
  ASSERT_TRUE(once.program(good_.info(7), good_)) << log_;
  auto slow = settings("20000");
  slow.program_timeout_base = 300ms;
  slow.bytes_per_second_min = 1'000'000'000;
  EXPECT_EQ(command::CommandProgrammer(slow).program(good_.info(8), good_).error(), Errc::Timeout);
  EXPECT_FALSE(once.running_version());
  ASSERT_TRUE(once.program(good_.info(8), good_)) << log_;
  EXPECT_EQ(*once.running_version(), "1.8");
}

// The parent of this test's programmer dies in the middle, as an agent that is killed.
TEST_F(CommandVirtualMcu, DiesWithTheAgentAndFreesTheMcu) {
  const pid_t agent = ::fork();
  ASSERT_GE(agent, 0);
  if (agent == 0) {
    (void)command::CommandProgrammer(settings("50000")).program(good_.info(7), good_);
    ::_exit(0);
  }
  const auto end = std::chrono::steady_clock::now() + 20s;
  const std::filesystem::path flash = folder_ + "/mcu/flash.bin";
  std::error_code error;
  while (std::chrono::steady_clock::now() < end &&
         (!std::filesystem::exists(flash, error) || std::filesystem::file_size(flash) < 4096)) {
    std::this_thread::yield();
  }
  ::kill(agent, SIGKILL);
  int status = 0;
  ASSERT_EQ(::waitpid(agent, &status, 0), agent);
  command::CommandProgrammer restarted(settings());
  EXPECT_FALSE(restarted.running_version()) << "programming was cut";
  ASSERT_TRUE(restarted.program(good_.info(7), good_)) << log_;
  EXPECT_EQ(*restarted.running_version(), "1.7");
}

}  // namespace
}  // namespace ota::test
