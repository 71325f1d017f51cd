#pragma once

// The use cases behind `mcu-ota pause`, `resume` and `abort`: who a rollout is offered to. All that
// they know is in the hub, so that anybody goes on from any machine. A change is written only over
// the state that was read; condition_of() has what each state means for the devices.
//
// A version can have two revisions for a moment (revisions.hpp). The older one is changed first: it
// would be the next in line for the devices that the newest one lets go.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cloud/rest/hub_client.hpp"
#include "cloud/rollout/find.hpp"
#include "cloud/rollout/status.hpp"

namespace ota::rollout {

struct StateChange {
  bool already_there = false;    // nothing had to be changed
  DeployedRelease release = {};  // the newest revision, as it is now
  std::string target_condition = {};
  /// The version that the devices without this offer are offered instead; 0: none.
  std::uint32_t fallback_version = 0;
  std::vector<std::string> removed = {};   // older revisions that an interrupted change had left
  std::vector<std::string> warnings = {};  // sentences; the change itself stands
};

/// Active: resume, Paused: pause, Aborted: abort.
/// @errors NotFound. Conflict: it was aborted (only `deploy` offers it again), or somebody else
///         changed it at this moment. Refused, Throttled, Failed
Outcome<StateChange> change_state(rest::HubClient& hub, const RolloutName& name,
                                  RolloutState state);

/// What an abort would do, for the question before it.
struct AbortPlan {
  DeployedRelease release = {};
  Counts counts = {};  // the hub's metrics
  std::uint32_t fallback_version = 0;
};

/// @errors NotFound, Refused, Throttled, Failed
Outcome<AbortPlan> plan_abort(rest::HubClient& hub, const RolloutName& name);

}  // namespace ota::rollout
