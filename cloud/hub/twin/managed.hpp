#pragma once

// What automatic device management does to one desired section: configurations are laid over each
// other per path, and the result over the section. Source: "Automatic device management at scale".

#include <nlohmann/json_fwd.hpp>

#include "cloud/hub/state/failure.hpp"

namespace ota::hub::twin {

/// A configuration's deviceContent ("properties.desired.a.b": value) as one tree below
/// properties.desired. A null stays as a leaf: it demands that the path is absent.
/// Errors: ArgumentInvalid.
Outcome<nlohmann::json> content_tree(const nlohmann::json& device_content);

/// Adds the next weaker configuration to a tree of stronger ones; what stands there already wins.
/// Returns whether any of its paths became its own.
bool add_weaker(nlohmann::json& tree, const nlohmann::json& content);

/// The patch for a desired section that shall hold `wanted`, where configurations had written
/// `managed` before: changes, values that somebody edited by hand, and nulls for paths that no
/// configuration manages any more. An empty object means that there is nothing to do.
nlohmann::json managed_patch(const nlohmann::json& wanted, const nlohmann::json& managed,
                             const nlohmann::json& desired);

}  // namespace ota::hub::twin
