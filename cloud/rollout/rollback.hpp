#pragma once

// The use case behind `mcu-ota rollback`: the last good image again, under the next version,
// because versions only grow. The image comes from its own blob and is published anew, since the
// address of a blob holds the version. The faulty version is aborted just before, so that it never
// comes back as the next in line.

#include <cstdint>
#include <optional>
#include <string>

#include "cloud/rollout/deploy.hpp"

namespace ota::rollout {

struct RollbackRequest {
  std::string product = {};
  std::string group = {};
  std::uint32_t to_version = 0;  // 0: the last good one
  std::string mcu_version = {};  // empty: what the old release says
  std::uint32_t token_days = kTokenDaysDefault;
};

/// What will be done. Nothing was changed for it.
struct RollbackPlan {
  DeployedRelease faulty = {};  // the newest release
  DeployedRelease good = {};    // whose image comes back
  std::uint32_t version = 0;    // under which it comes back
  std::string mcu_version = {};
  std::uint32_t token_days = kTokenDaysDefault;
  /// The newest release carries that image already: there is nothing to do.
  bool already_there = false;
  std::int64_t devices = 0;    // of the product and group
  std::int64_t on_faulty = 0;  // report the newest version
  std::int64_t on_good = 0;    // report the version that comes back
};

/// Good is the newest earlier version that was not aborted and that devices run, or ran when a
/// later one was deployed.
/// @errors Input. NotFound: nothing is deployed; no such version, or none that was good. Conflict:
///         no version is left. Refused, Throttled, Failed
Outcome<RollbackPlan> plan_rollback(rest::HubClient& hub, const RollbackRequest& request);

/// Fetches the image, publishes it, aborts the faulty version and deploys.
/// @errors Input: the blob is in another storage account. NotFound: the blob is gone. Conflict:
///         somebody else deployed, or changed the faulty version, at this moment. Failed: among
///         others the blob does not have the hash of the release
Outcome<DeployResult> roll_back(const Cloud& cloud, const RollbackPlan& plan,
                                DeployObserver& observer);

}  // namespace ota::rollout
