#pragma once

// The use cases behind `mcu-ota list`, `show` and `status`: how far each release is.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/rest/hub_client.hpp"
#include "cloud/rollout/find.hpp"
#include "cloud/rollout/fleet.hpp"
#include "cloud/rollout/follow.hpp"
#include "cloud/rollout/release.hpp"

namespace ota::rollout {

/// Devices per state; absent where the hub has not counted yet, which is not zero.
struct Counts {
  std::optional<std::int64_t> targeted = {};
  std::optional<std::int64_t> downloading = {};
  std::optional<std::int64_t> interrupted = {};
  std::optional<std::int64_t> applying = {};
  std::optional<std::int64_t> applied = {};
  std::optional<std::int64_t> error = {};
};

struct ReleaseStatus {
  DeployedRelease release = {};
  Counts counts = {};
  std::uint32_t superseded_by = 0;  // a newer version of the same product and group; 0: none
};

/// What the hub counted last.
Counts metrics_of(const rest::Configuration& configuration);

/// All releases on the hub, by product and group, newest first; counts are the hub's metrics.
Outcome<std::vector<ReleaseStatus>> list_releases(rest::HubClient& hub);

enum class Which : std::uint8_t {
  All,         // every targeted device
  Unfinished,  // those that do not run the release; failed ones first
};

struct DeviceSelection {
  Which which = Which::Unfinished;
  std::size_t devices_max = 50;
};

struct DeviceList {
  std::vector<DeviceState> devices = {};
  bool more = false;  // there are more of them than were asked for
};

/// The devices of a release's product and group, also while it is paused or aborted.
Outcome<DeviceList> devices_of(rest::HubClient& hub, const DeployedRelease& release,
                               const DeviceSelection& selection);

/// One rollout with its devices, counted and listed from their twins: fresher than the metrics.
struct RolloutDetail {
  Sight sight = {};
  DeviceList list = {};
};

/// @errors NotFound: no such configuration, or not one of ours
Outcome<RolloutDetail> show_rollout(rest::HubClient& hub, const RolloutName& name,
                                    const DeviceSelection& selection);

}  // namespace ota::rollout
