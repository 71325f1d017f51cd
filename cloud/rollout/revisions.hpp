#pragma once

// The revisions of one version. r{n+1} takes the place of r{n}: first it is created, then the older
// one is deleted. Where somebody was interrupted in between both exist; the newest counts, and the
// next change removes the other.

#include <string>
#include <vector>

#include "cloud/rest/hub_client.hpp"
#include "cloud/rollout/release.hpp"

namespace ota::rollout {

/// The configurations of the release's version for its product and group, oldest revision first.
std::vector<rest::Configuration> revisions_of(
    const std::vector<rest::Configuration>& configurations, const DeployedRelease& release);

/// What became of configurations that should go.
struct Removal {
  std::vector<std::string> removed = {};   // ids
  std::vector<std::string> warnings = {};  // sentences
};

/// Deletes a configuration unless somebody changed it since it was read; then, or when it cannot be
/// deleted, it stays with a warning.
void remove_unless_changed(rest::HubClient& hub, std::string_view id, std::string_view etag,
                           Removal& removal);

/// All but the last (newest) of revisions_of().
void remove_older(rest::HubClient& hub, const std::vector<rest::Configuration>& revisions,
                  Removal& removal);

/// The newest earlier release that its devices get while this one is not offered to them.
std::optional<DeployedRelease> fallback_of(const std::vector<rest::Configuration>& configurations,
                                           const DeployedRelease& release);

/// "somebody else changed {id} at this moment: {what}; ..."
Failure changed_meanwhile(std::string_view id, const std::string& what);

/// Why nothing more can be done with a release that was aborted.
Failure rollout_aborted(const DeployedRelease& release);

}  // namespace ota::rollout
