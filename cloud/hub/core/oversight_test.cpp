// Whether the hub can write its state, asked of the real one.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>

#include "cloud/hub/core/test_hub.hpp"

namespace ota::hub {
namespace {

/// No file of this process grows beyond a few bytes, as on a full disk.
class NoSpace {
 public:
  NoSpace() {
    old_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &old_limit_);
    const rlimit limit{1, old_limit_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  NoSpace(const NoSpace&) = delete;
  NoSpace& operator=(const NoSpace&) = delete;
  ~NoSpace() {
    ::setrlimit(RLIMIT_FSIZE, &old_limit_);
    std::signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit old_limit_{};
  void (*old_handler_)(int) = SIG_DFL;
};

using CoreOversight = HubTest;

TEST_F(CoreOversight, FailsWhenTheStateCannotBeWritten) {
  EXPECT_TRUE(core_->check_state());
  std::string failure;
  {
    const NoSpace full;
    const auto checked = core_->check_state();
    if (!checked) failure = checked.error();
  }
  EXPECT_THAT(failure, ::testing::HasSubstr("hub.sqlite"));
  EXPECT_TRUE(core_->check_state());
}

TEST_F(CoreOversight, TellsWhatSqliteDid) {
  const CoreFigures before = core_->figures();
  EXPECT_GT(before.sqlite_steps, 0U);
  ASSERT_TRUE(core_->check_state());
  const CoreFigures after = core_->figures();
  EXPECT_GT(after.sqlite_steps, before.sqlite_steps);
  EXPECT_GT(after.sqlite_s, before.sqlite_s);
}

}  // namespace
}  // namespace ota::hub
