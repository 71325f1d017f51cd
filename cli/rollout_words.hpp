#pragma once

// How verbs let an operator name a rollout: the id of its configuration, or PRODUCT GROUP
// [VERSION].

#include <string>
#include <vector>

#include "cli/output.hpp"
#include "cloud/rollout/find.hpp"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace ota::cli {

/// Adds the positional words; the caller may make them required.
CLI::Option* add_rollout(CLI::App& verb, std::vector<std::string>& words);

/// @errors Usage: no words, too many, or a VERSION that is none
Result<rollout::RolloutName, Problem> read_rollout(const std::vector<std::string>& words);

}  // namespace ota::cli
