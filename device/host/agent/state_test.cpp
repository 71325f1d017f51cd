#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "device/host/agent/file_lock.hpp"
#include "device/host/agent/secret_file.hpp"
#include "device/host/agent/state_file.hpp"
#include "device/host/agent/wall_clock.hpp"

namespace ota::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class FilesTest : public ::testing::Test {
 protected:
  FilesTest() { std::filesystem::create_directories(folder_); }
  ~FilesTest() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text, mode_t mode = 0600) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << text;
    ::chmod(path.c_str(), mode);
    return path;
  }

  std::string folder_ = ::testing::TempDir() + "agent_files_" + std::to_string(::getpid());
};

using StateFileTest = FilesTest;
using SecretFile = FilesTest;
using FileLockTest = FilesTest;

engine::Truth some_truth() {
  engine::Truth truth;
  truth.mcu_version = 7;
  truth.mcu_version_text = "7.28.0";
  truth.refusal = {{9, sha256({}), 2}, contract::Code::RolledBack};
  truth.outcome = {5, false, contract::StatusWord::Error, contract::Code::RolledBack, 9, 2};
  return truth;
}

TEST_F(StateFileTest, KeepsTruthAndAssignmentOverARestart) {
  const std::string path = folder_ + "/state.json";
  const CachedAssignment assignment{"dps/scope/dev-1", {"hub:8883", "dev-1"}};
  {
    StateFile state(path);
    EXPECT_EQ(state.load(), std::nullopt);
    state.save(some_truth());
    state.save_assignment(assignment, 1'800'000'000);
  }
  StateFile again(path);
  EXPECT_EQ(again.load(), some_truth());
  EXPECT_EQ(again.assignment(), assignment);
  EXPECT_EQ(again.saved_at(), 1'800'000'000);
  struct stat info {};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(StateFileTest, AFileThatIsNotOursCountsAsEmpty) {
  for (const char* text : {"", "[]", "{", R"({"format":2,"savedAt":1})", R"({"format":1})",
                           R"({"format":1,"savedAt":1e300})", R"({"format":1,"savedAt":-1})",
                           R"({"format":1,"savedAt":1,"truth":{"mcuVersion":"x"}})"}) {
    StateFile state(write("state.json", text));
    EXPECT_EQ(state.load(), std::nullopt) << text;
  }
}

TEST_F(SecretFile, IsReadOnlyFromItsOwnersFile) {
  EXPECT_EQ(read_secret(write("good", "c2VjcmV0\n"))->text, "c2VjcmV0");
  EXPECT_EQ(read_key(write("good", "c2VjcmV0\n"))->size(), 6U);
  const auto open = read_secret(write("open", "TOPSECRET", 0644));
  ASSERT_FALSE(open);
  EXPECT_THAT(open.error(), HasSubstr("chmod 600"));
  EXPECT_THAT(open.error(), Not(HasSubstr("TOPSECRET")));
  EXPECT_FALSE(read_secret(write("empty", "\n")));
  EXPECT_FALSE(read_secret(folder_ + "/missing"));
  EXPECT_FALSE(read_secret(folder_));
  const auto wrong = read_key(write("wrong", "TOP SECRET"));
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error(), Not(HasSubstr("TOP SECRET")));
}

TEST_F(FileLockTest, ASecondHolderIsRefused) {
  const std::string path = folder_ + "/lock";
  {
    const auto first = FileLock::acquire(path);
    ASSERT_TRUE(first);
    const auto second = FileLock::acquire(path);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().failure, FileLock::Failure::HeldByAnother);
  }
  EXPECT_TRUE(FileLock::acquire(path));
  EXPECT_EQ(FileLock::acquire(folder_ + "/none/lock").error().failure, FileLock::Failure::System);
}

TEST(WallClock, NeverGoesBelowWhatHasPassed) {
  UnixSeconds system = 0;
  const WallClock clock(build_time() + 100, [&system] { return system; });
  EXPECT_EQ(clock.now(), build_time() + 100);
  EXPECT_FALSE(clock.is_set());
  EXPECT_EQ(clock.iso_time(), "");
  system = build_time() + 500;
  EXPECT_EQ(clock.now(), build_time() + 500);
  EXPECT_TRUE(clock.is_set());
  EXPECT_THAT(clock.iso_time(), HasSubstr("T"));
}

TEST(WallClock, KnowsWhenItWasBuilt) {
  EXPECT_GT(build_time(), 1'700'000'000);
  EXPECT_EQ(WallClock(0, [] { return UnixSeconds{5}; }).now(), build_time());
}

}  // namespace
}  // namespace ota::agent
