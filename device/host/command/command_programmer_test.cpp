#include "device/host/command/command_programmer.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "device/host/command/child_process.hpp"
#include "device/host/command/mcu_lock.hpp"

namespace ota::command {
namespace {

using namespace std::chrono_literals;

class MemorySource final : public mcu::ImageSource {
 public:
  explicit MemorySource(std::size_t size) : bytes_(size) {
    for (std::size_t i = 0; i < size; ++i) bytes_[i] = static_cast<std::byte>(i * 7);
  }
  Result<std::size_t> read(std::uint32_t offset, MutableBytes out) noexcept override {
    if (fails_at_ && offset >= *fails_at_) return Errc::Io;
    const std::size_t count = std::min(out.size(), bytes_.size() - offset);
    std::copy_n(bytes_.begin() + offset, count, out.begin());
    return count;
  }
  void fail_at(std::uint32_t offset) { fails_at_ = offset; }
  const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
  std::optional<std::uint32_t> fails_at_;
};

class CommandProgrammerTest : public ::testing::Test {
 protected:
  CommandProgrammerTest() {
    std::string pattern = ::testing::TempDir() + "mcu-ota-command-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~CommandProgrammerTest() override { std::filesystem::remove_all(folder_); }

  ProgrammerSettings settings(const std::string& program) {
    ProgrammerSettings result;
    result.program = Command::shell("cd " + folder_ + "; " + program);
    result.lock_file = folder_ + "/lock";
    result.lock_timeout = 50ms;
    result.log = [this](const std::string& line) { log_ += line + "\n"; };
    return result;
  }
  Status run(const ProgrammerSettings& with) {
    CommandProgrammer programmer(with);
    return programmer.program(image(), source_);
  }
  Status run(const std::string& program) { return run(settings(program)); }

  mcu::ImageInfo image() const {
    return {.version = 7,
            .size_bytes = static_cast<std::uint32_t>(source_.bytes().size()),
            .sha256 = sha256(source_.bytes()),
            .mcu_version = "1.2.3"};
  }
  std::string content(const std::string& file) const {
    std::ifstream stream(folder_ + "/" + file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  std::string folder_;
  std::string log_;
  MemorySource source_{300'000};
};

TEST_F(CommandProgrammerTest, GivesTheImageAndItsNamesToTheProgram) {
  ASSERT_TRUE(run("cat > image; echo $OTA_VERSION $OTA_SIZE $OTA_MCU_VERSION $OTA_SHA256 > names"))
      << log_;
  EXPECT_EQ(content("image"), text_of(source_.bytes()));
  const std::string names = content("names");
  EXPECT_EQ(names.substr(0, 15), "7 300000 1.2.3 ");
  EXPECT_EQ(names.size(), 15U + 64U + 1U);
}

TEST_F(CommandProgrammerTest, SurvivesALotOfOutput) {
  EXPECT_TRUE(run("cat > image; head -c 200000 /dev/zero | tr '\\0' ' '")) << log_;
}

TEST_F(CommandProgrammerTest, FailsOnAnExitCode) {
  EXPECT_EQ(run("cat > /dev/null; exit 3").error(), Errc::Nack);
  EXPECT_NE(log_.find("exit code 3"), std::string::npos) << log_;
}

TEST_F(CommandProgrammerTest, FailsOnASignal) {
  EXPECT_EQ(run("cat > /dev/null; kill -SEGV $$").error(), Errc::Nack);
  EXPECT_NE(log_.find("signal 11"), std::string::npos) << log_;
}

TEST_F(CommandProgrammerTest, FailsWhenTheProgramStopsReadingEarly) {
  EXPECT_EQ(run("head -c 1000 > /dev/null; exit 0").error(), Errc::Nack);
}

TEST_F(CommandProgrammerTest, FailsWhenTheLastBytesStayInThePipe) {
  source_ = MemorySource(3000);
  EXPECT_EQ(run("exec head -c 1000 > /dev/null").error(), Errc::Nack);
}

TEST_F(CommandProgrammerTest, FailsWhenTheProgramDoesNotExist) {
  ProgrammerSettings missing = settings("");
  missing.program = {{"/nonexistent/programmer"}};
  EXPECT_EQ(run(missing).error(), Errc::Io);
  EXPECT_NE(log_.find("cannot be started"), std::string::npos) << log_;
}

TEST_F(CommandProgrammerTest, FailsWhenTheFlashCannotBeRead) {
  source_.fail_at(32'768);
  EXPECT_EQ(run("cat > image").error(), Errc::Io);
}

TEST_F(CommandProgrammerTest, EndsTheWholeGroupWhenTheTimeIsOver) {
  ProgrammerSettings slow =
      settings("cat > /dev/null; sh -c 'echo $$ > pid; exec tail -f /dev/null'");
  slow.program_timeout_base = 300ms;
  slow.bytes_per_second_min = 1'000'000'000;
  EXPECT_EQ(run(slow).error(), Errc::Timeout);
  ASSERT_FALSE(content("pid").empty()) << "the grandchild never ran";
  // It inherited the lock, so a survivor would hold it for ever. A killed process lets go a moment
  // after the signal was sent: the agent itself waits for the lock in the same way.
  EXPECT_TRUE(McuLock::acquire(folder_ + "/lock", std::chrono::steady_clock::now() + 10s))
      << "a process that the program started survived";
}

TEST_F(CommandProgrammerTest, EndsAProgramThatNeverReads) {
  ProgrammerSettings stuck = settings("exec tail -f /dev/null");
  stuck.program_timeout_base = 200ms;
  stuck.bytes_per_second_min = 1'000'000'000;
  EXPECT_EQ(run(stuck).error(), Errc::Timeout);
}

TEST_F(CommandProgrammerTest, WaitsForSomebodyElseWhoHoldsTheMcu) {
  const auto held = McuLock::acquire(folder_ + "/lock", std::chrono::steady_clock::now());
  ASSERT_TRUE(held);
  EXPECT_EQ(run("cat > image").error(), Errc::Busy);
}

TEST_F(CommandProgrammerTest, LeavesTheLockWithTheChild) {
  const auto now = [] { return std::chrono::steady_clock::now(); };
  std::optional<ChildProcess> child;
  {
    const auto lock = McuLock::acquire(folder_ + "/lock", now());
    ASSERT_TRUE(lock);
    auto started = ChildProcess::spawn({{"cat"}}, {.inherited_fd = lock->fd()});
    ASSERT_TRUE(started);
    child.emplace(std::move(*started));
  }
  EXPECT_FALSE(McuLock::acquire(folder_ + "/lock", now())) << "the running child holds the MCU";
  child->close_input();
  ASSERT_TRUE(child->wait_until(now() + 10s));
  EXPECT_TRUE(McuLock::acquire(folder_ + "/lock", now() + 10s));
}

TEST_F(CommandProgrammerTest, KeepsSecretsOfTheAgentFromTheProgram) {
  ::setenv("OTA_CONNECTION_STRING", "secret-1", 1);
  ::setenv("IOTHUB_DEVICE_CONNECTION_STRING", "secret-2", 1);
  ASSERT_TRUE(run("cat > image; env > names"));
  ::unsetenv("OTA_CONNECTION_STRING");
  ::unsetenv("IOTHUB_DEVICE_CONNECTION_STRING");
  EXPECT_EQ(content("names").find("secret"), std::string::npos);
  EXPECT_NE(content("names").find("PATH="), std::string::npos);
}

class VersionTest : public CommandProgrammerTest {
 protected:
  Result<mcu::VersionText> ask(const std::string& line) {
    ProgrammerSettings with = settings("true");
    with.version = Command::shell(line);
    with.version_timeout = 2000ms;
    return CommandProgrammer(with).running_version();
  }
};

TEST_F(VersionTest, TakesTheFirstLineWithoutBlanks) {
  const auto version = ask("printf ' 1.2.3 \\r\\nmore\\n'");
  ASSERT_TRUE(version) << log_;
  EXPECT_EQ(*version, "1.2.3");
}

TEST_F(VersionTest, FailsOnSilenceExitCodeAndNonsense) {
  EXPECT_EQ(ask("true").error(), Errc::Corrupt);
  EXPECT_EQ(ask("echo 1.2.3; exit 1").error(), Errc::Io);
  EXPECT_EQ(ask("head -c 100 /dev/zero | tr '\\0' a").error(), Errc::Corrupt);
  EXPECT_EQ(ask("/nonexistent/version").error(), Errc::Io);
}

TEST_F(VersionTest, EndsAProgramThatHangsOrNeverStopsPrinting) {
  ProgrammerSettings with = settings("true");
  with.version_timeout = 200ms;
  with.version = {{"tail", "-f", "/dev/null"}};
  EXPECT_EQ(CommandProgrammer(with).running_version().error(), Errc::Timeout);
  with.version = {{"yes"}};
  EXPECT_EQ(CommandProgrammer(with).running_version().error(), Errc::Timeout);
}

TEST(CommandProgrammer, ComputesItsTimeOutFromTheSize) {
  const CommandProgrammer programmer({});
  EXPECT_EQ(programmer.program_timeout(2048 * 100), 160s);
}

}  // namespace
}  // namespace ota::command
