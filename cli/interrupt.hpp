#pragma once

#include "cloud/rollout/follow.hpp"

namespace ota::cli {

/// While it lives, Ctrl-C (SIGINT) ends a wait instead of the program; a second one ends the
/// program as usual. Only one at a time.
class InterruptiblePause final : public rollout::LookPause {
 public:
  InterruptiblePause();
  InterruptiblePause(const InterruptiblePause&) = delete;
  InterruptiblePause& operator=(const InterruptiblePause&) = delete;
  ~InterruptiblePause();

  Result wait(Duration duration) override;

 private:
  int read_end_ = -1;
};

}  // namespace ota::cli
