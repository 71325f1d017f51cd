#pragma once

#include "cloud/rest/retry.hpp"

namespace ota::cli {

/// Waits in real time, and says so where a person would wonder.
class PatientPause final : public rest::Pause {
 public:
  void wait(Duration duration) override;

 private:
  rest::SystemPause pause_;
};

}  // namespace ota::cli
