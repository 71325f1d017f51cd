#include "cli/progress_bar.hpp"

#include <gtest/gtest.h>

namespace ota::cli {
namespace {

TEST(ProgressLine, FillsUp) {
  EXPECT_EQ(progress_line(0, 4096),
            "uploading [..............................]   0 %  0 B of 4.0 KiB");
  EXPECT_EQ(progress_line(2048, 4096),
            "uploading [###############...............]  50 %  2.0 KiB of 4.0 KiB");
  EXPECT_EQ(progress_line(4096, 4096),
            "uploading [##############################] 100 %  4.0 KiB of 4.0 KiB");
}

TEST(ProgressLine, NeverPassesItsEnd) {
  EXPECT_TRUE(progress_line(9000, 4096).find("100 %") != std::string::npos);
}

}  // namespace
}  // namespace ota::cli
