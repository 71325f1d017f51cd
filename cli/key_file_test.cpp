#include "cli/key_file.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace ota::cli {
namespace {

class KeyFileTest : public ::testing::Test {
 protected:
  KeyFileTest() {
    std::string name = (std::filesystem::temp_directory_path() / "key_file_test.XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~KeyFileTest() override { std::filesystem::remove_all(folder_); }
  std::string path() const { return (folder_ / "device.key").string(); }
  std::string content() const {
    std::ostringstream out;
    out << std::ifstream(path()).rdbuf();
    return out.str();
  }
  std::filesystem::path folder_;
};

TEST_F(KeyFileTest, OnlyItsOwnerCanReadIt) {
  EXPECT_FALSE(check_key_file(path()));
  EXPECT_FALSE(write_key_file(path(), "secret"));
  struct stat about {};
  ASSERT_EQ(::stat(path().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777U, 0600U);
  EXPECT_EQ(content(), "secret\n");
}

TEST_F(KeyFileTest, AnExistingFileIsNeverReplaced) {
  std::ofstream(path()) << "older";
  EXPECT_TRUE(check_key_file(path()));
  const auto problem = write_key_file(path(), "secret");
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->exit_code, ExitCode::Usage);
  EXPECT_THAT(problem->message, ::testing::Not(::testing::HasSubstr("secret")));
  EXPECT_EQ(content(), "older");
}

TEST_F(KeyFileTest, AFolderThatIsNotThereIsFoundBeforeAnythingIsMade) {
  EXPECT_TRUE(check_key_file(path() + "/below/key"));
}

}  // namespace
}  // namespace ota::cli
