#pragma once

// A rollout as people and programs see it; all verbs that look at one share this.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cloud/rollout/follow.hpp"

namespace ota::cli {

/// What the configuration says: who gets which image, and whether it is offered.
nlohmann::json release_json(const rollout::DeployedRelease& release, std::uint32_t superseded_by);

/// Devices by class, under the names that `status` has always had.
nlohmann::json tally_json(const rollout::Tally& tally);
nlohmann::json failures_json(const std::vector<rollout::CodeCount>& failures);

/// release_json() with counts and failures.
nlohmann::json sight_json(const rollout::Sight& sight);

/// "active", "paused", "aborted"; with "(superseded by 9)" where a newer one took its place.
std::string state_text(const rollout::DeployedRelease& release, std::uint32_t superseded_by);

/// "done 330 of 1,007, downloading 20, failed 4, waiting 653": what is zero is left out, but for
/// the first.
std::string tally_text(const rollout::Tally& tally);

/// "hash_mismatch 3, mcu_silent 1, 2 more codes"; empty without failures.
std::string failures_text(const std::vector<rollout::CodeCount>& failures);

}  // namespace ota::cli
