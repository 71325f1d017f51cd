#pragma once

// The use cases behind `mcu-ota retry` and `mcu-ota renew`: the same release again as its next
// revision, with a fresh download token and a raised attempt. Devices that run the version already
// answer so without work; all others take it as new work, also those that had failed for good.
//
// r{n+1} is created first (the newest of equal priority wins) and r{n} deleted after that, so that
// no device is without its offer in between. Interrupted there, both exist until the next change.
// Whoever changes r{n} meanwhile (pause, abort) is not overrun: r{n+1} is taken back then.

#include <cstdint>
#include <string>
#include <vector>

#include "cloud/rollout/deploy.hpp"
#include "cloud/rollout/find.hpp"
#include "cloud/rollout/status.hpp"

namespace ota::rollout {

enum class Purpose : std::uint8_t {
  Retry,  // devices that failed try again
  Renew,  // the token ends too early
};

struct ReviseRequest {
  RolloutName name = {};
  Purpose purpose = Purpose::Retry;
  std::uint32_t token_days = kTokenDaysDefault;
};

struct ReviseResult {
  enum class What : std::uint8_t {
    Created,
    Finished,  // the revision was there, made by a command that was interrupted
  } what = What::Created;
  DeployedRelease release = {};  // the new revision, as it is now
  std::string target_condition = {};
  Counts counts = {};                      // of the revision before, as the hub counted them
  std::vector<std::string> removed = {};   // older revisions
  std::vector<std::string> warnings = {};  // sentences; the revision itself stands
};

/// @errors Input. NotFound: no such rollout, or its blob is gone. Conflict: aborted, superseded by
///         a newer version, or somebody else changed it at this moment. Refused, Throttled, Failed
Outcome<ReviseResult> revise(const Cloud& cloud, const ReviseRequest& request);

}  // namespace ota::rollout
