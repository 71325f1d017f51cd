#pragma once

// Looks at a rollout again and again until it ends. Everything that is known of it lives in the
// cloud, so a follower keeps nothing: it may be ended and begun anew on any machine.

#include <optional>
#include <string>

#include "base/clock.hpp"
#include "cloud/rest/hub_client.hpp"
#include "cloud/rollout/find.hpp"
#include "cloud/rollout/quotas.hpp"
#include "cloud/rollout/tally.hpp"

namespace ota::rollout {

/// What one look saw.
struct Sight {
  DeployedRelease release = {};     // of its revisions the newest
  std::uint32_t superseded_by = 0;  // a newer version of the same product and group; 0: none
  Tally tally = {};
  bool changed = true;  // since the look before

  bool ended() const;
};

enum class Ending : std::uint8_t {
  AllRunIt,    // every targeted device runs the version
  SomeFailed,  // every device has ended, but not all of them run it
  Aborted,     // it is offered to nobody any more
  Removed,     // its configuration was deleted
  Superseded,  // a newer version took its place before every device ran this one
  TimedOut,    // the deadline has passed; the rollout goes on
  Stopped,     // whoever waits does not want to wait any more; the rollout goes on
};

/// "all_run_it", for programs.
std::string_view to_text(Ending ending);

/// Sees what a follower sees. A dashboard draws it, a terminal prints it.
class FollowObserver {
 public:
  virtual void looked(const Sight& sight) = 0;
  /// The hub is away, throttles or fails for the moment; the next look is after `pause`.
  virtual void away(const Failure& why, Duration pause) = 0;

 protected:
  ~FollowObserver() = default;
};

/// Waits between two looks.
class LookPause {
 public:
  enum class Result : std::uint8_t { Over, Stopped };
  virtual Result wait(Duration duration) = 0;

 protected:
  ~LookPause() = default;
};

struct FollowRequest {
  RolloutName rollout = {};              // not for follow_all()
  std::optional<Duration> timeout = {};  // nothing: until it ends
  Pace pace = {};
  Duration interval_min = Duration::zero();  // looks are at least so far apart
  /// Whether the hub is known to be the right one: then its absence is waited for from the start.
  enum class Hub : std::uint8_t { New, Known } hub = Hub::New;
};

struct FollowParts {
  rest::HubClient& hub;
  Clock& clock;
  LookPause& pause;
};

/// One look, without waiting.
/// @errors NotFound: no such rollout
Outcome<Sight> look(rest::HubClient& hub, const RolloutName& name);

/// @errors those of look() before the hub has answered once (throttling is waited for), and later
///         what waiting cannot mend: Refused
Outcome<Ending> follow(const FollowParts& parts, const FollowRequest& request,
                       FollowObserver& observer);

/// The newest release of each product and group that is not aborted, counted in one go.
struct FleetSight {
  std::vector<Sight> rollouts = {};
  int queries = 0;
};
Outcome<FleetSight> look_at_all(rest::HubClient& hub);

/// Sees what a follower of all rollouts sees.
class FleetObserver {
 public:
  virtual void looked(const FleetSight& sight) = 0;
  virtual void away(const Failure& why, Duration pause) = 0;

 protected:
  ~FleetObserver() = default;
};

/// Looks at all of them again and again; only the deadline and who waits end it.
/// @returns TimedOut or Stopped
/// @errors as those of follow()
Outcome<Ending> follow_all(const FollowParts& parts, const FollowRequest& request,
                           FleetObserver& observer);

/// Whether a failure may go away by itself. A hub that has never answered may be the wrong one, so
/// only its throttling is waited for.
bool is_worth_waiting(const Failure& failure, FollowRequest::Hub hub);

}  // namespace ota::rollout
