#include "cloud/hub/files/durable_file.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include "cloud/hub/files/scratch_directory.hpp"

namespace ota::hub {
namespace {

TEST(DurableFile, AppearsOnlyWhenCommitted) {
  const ScratchDirectory scratch;
  const std::string path = scratch.path() + "/file";
  {
    auto file = DurableFile::create(path, 0600);
    ASSERT_TRUE(file);
    ASSERT_TRUE(file.value().append(bytes_of("half")));
    EXPECT_FALSE(std::filesystem::exists(path));
  }
  EXPECT_TRUE(std::filesystem::is_empty(scratch.path()));
  ASSERT_TRUE(write_durably(path, "whole", 0600));
  EXPECT_EQ(read_file(path).value(), "whole");
}

TEST(DurableFile, KeepsSecretsFromOthers) {
  const ScratchDirectory scratch;
  const std::string path = scratch.path() + "/key";
  ASSERT_TRUE(write_durably(path, "secret", 0600));
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST(DurableFile, ReportsAFullDisk) {
  auto written = write_durably("/dev/full-does-not-exist/x", "x", 0600);
  ASSERT_FALSE(written);
  EXPECT_FALSE(written.error().no_space());
  EXPECT_TRUE((FileError{ENOSPC, ""}).no_space());
}

TEST(DirectoryLock, RefusesASecondHolder) {
  const ScratchDirectory scratch;
  {
    const auto first = DirectoryLock::acquire(scratch.path());
    ASSERT_TRUE(first);
    const auto second = DirectoryLock::acquire(scratch.path());
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("another hub"), std::string::npos);
  }
  EXPECT_TRUE(DirectoryLock::acquire(scratch.path()));
}

}  // namespace
}  // namespace ota::hub
