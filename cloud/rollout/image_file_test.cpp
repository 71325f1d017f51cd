#include "cloud/rollout/image_file.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/encoding.hpp"
#include "contract/limits.hpp"

namespace ota::rollout {
namespace {

using ::testing::HasSubstr;

class ImageFileTest : public ::testing::Test {
 protected:
  ImageFileTest() {
    std::string name = (std::filesystem::temp_directory_path() / "image_file_test.XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    path_ = (folder_ / "pump.bin").string();
  }
  ~ImageFileTest() override { std::filesystem::remove_all(folder_); }

  void put(const std::string& content) const { std::ofstream(path_, std::ios::binary) << content; }
  std::string code_of(const std::string& path) const {
    const auto image = open_image(path);
    if (image) return "no error";
    EXPECT_EQ(image.error().kind, Failure::Kind::Input);
    EXPECT_THAT(image.error().message, HasSubstr(path));
    return image.error().code;
  }

  std::filesystem::path folder_;
  std::string path_;
};

TEST_F(ImageFileTest, ReadsSizeNameAndHashes) {
  put("abc");
  const auto image = open_image(path_);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->base_name, "pump.bin");
  EXPECT_EQ(image->size_bytes, 3U);
  EXPECT_EQ(to_hex(image->sha256),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(image->md5.whole, "kAFQmDzST7DWlj99KOF/cg==");
}

TEST_F(ImageFileTest, AMissingFileIsNamed) { EXPECT_EQ(code_of(path_), "file_missing"); }

TEST_F(ImageFileTest, AnEmptyFileIsRefused) {
  put("");
  EXPECT_EQ(code_of(path_), "file_empty");
}

TEST_F(ImageFileTest, AFolderOrAPipeIsNoFirmware) {
  EXPECT_EQ(code_of(folder_.string()), "file_unreadable");
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(code_of(path_), "file_unreadable");
}

TEST_F(ImageFileTest, TheLimitIsWhatADeviceCanStore) {
  put("x");
  std::filesystem::resize_file(path_, contract::kImageBytesMax);
  EXPECT_EQ(code_of(path_), "no error");
  std::filesystem::resize_file(path_, contract::kImageBytesMax + 1ULL);
  EXPECT_EQ(code_of(path_), "file_too_large");
}

}  // namespace
}  // namespace ota::rollout
