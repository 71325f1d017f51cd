#pragma once

// The use case behind `mcu-ota status`: how far each release is.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/rest/hub_client.hpp"
#include "cloud/rollout/fleet.hpp"
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
};

/// One release with its devices, counted from their twins: fresher than the hub's metrics.
struct ReleaseDetail {
  ReleaseStatus status = {};
  std::vector<DeviceState> devices = {};
};

/// All releases on the hub, by product and group, newest first; counts are the hub's metrics.
Outcome<std::vector<ReleaseStatus>> list_releases(rest::HubClient& hub);

/// @errors NotFound: no such configuration, or not one of ours
Outcome<ReleaseDetail> show_release(rest::HubClient& hub, std::string_view id);

/// What the devices' own reports say about a version.
Counts count_devices(const std::vector<DeviceState>& devices, std::uint32_t version);

}  // namespace ota::rollout
