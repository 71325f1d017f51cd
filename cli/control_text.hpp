#pragma once

// What the verbs that change a rollout print of it.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cloud/rollout/release.hpp"
#include "cloud/rollout/status.hpp"

namespace ota::cli {

/// "version 12 of product 'pump', group 'lab'"
std::string rollout_text(const rollout::DeployedRelease& release);

/// "'pump' 'lab' 12", as the verbs take it.
std::string rollout_words(const rollout::DeployedRelease& release);

/// "10 devices (3 downloading, 1 applying, 5 applied, 1 failed)", or that they are not counted yet.
std::string counts_text(const rollout::Counts& counts);

/// The members that all these verbs share: schema, result, configuration, product, ...
nlohmann::json change_json(const char* result, const rollout::DeployedRelease& release,
                           const std::string& target_condition,
                           const std::vector<std::string>& removed,
                           const std::vector<std::string>& warnings);

/// To standard error, one line each.
void print_warnings(const std::vector<std::string>& warnings);

}  // namespace ota::cli
