#pragma once

#include <vector>

#include "cloud/rest/retry.hpp"

namespace ota::test {

/// Returns at once and remembers how long a client wanted to wait.
class RecordedPause final : public rest::Pause {
 public:
  void wait(Duration duration) override { waits.push_back(duration); }
  std::vector<Duration> waits;
};

}  // namespace ota::test
