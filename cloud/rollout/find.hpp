#pragma once

// Which rollout an operator means.

#include <cstdint>
#include <string>

#include "cloud/rest/hub_client.hpp"
#include "cloud/rollout/release.hpp"

namespace ota::rollout {

/// The id of a configuration, or a product and group with a version (0: the newest one).
struct RolloutName {
  std::string id = {};
  std::string product = {};
  std::string group = {};
  std::uint32_t version = 0;
};

/// A release with the configuration that carries it; its etag says which state was read.
struct Rollout {
  rest::Configuration configuration = {};
  DeployedRelease release = {};
};

/// Of several revisions of a version the newest counts.
/// @errors NotFound: no such rollout, or a configuration that `deploy` did not make
Outcome<Rollout> find_rollout(rest::HubClient& hub, const RolloutName& name);

/// The same among configurations that were read already.
Outcome<Rollout> find_rollout(const std::vector<rest::Configuration>& configurations,
                              const RolloutName& name);

}  // namespace ota::rollout
