#include "cli/rollout_words.hpp"

#include <CLI/CLI.hpp>

#include "base/text.hpp"
#include "contract/limits.hpp"

namespace ota::cli {

CLI::Option* add_rollout(CLI::App& verb, std::vector<std::string>& words) {
  return verb
      .add_option("ROLLOUT", words,
                  "A configuration's id, or PRODUCT GROUP [VERSION] (without: the newest)")
      ->expected(1, 3)
      ->type_name("ID | PRODUCT GROUP [VERSION]");
}

Result<rollout::RolloutName, Problem> read_rollout(const std::vector<std::string>& words) {
  if (words.empty() || words.size() > 3) {
    return usage_problem(
        "name the rollout: a configuration's id, or PRODUCT GROUP [VERSION]; "
        "`mcu-ota list` shows them");
  }
  if (words.size() == 1) return rollout::RolloutName{.id = words[0]};
  rollout::RolloutName name{.product = words[0], .group = words[1]};
  if (words.size() == 2) return name;
  name.version = read_number<std::uint32_t>(words[2]).value_or(0);
  if (name.version == 0 || name.version > contract::kVersionMax) {
    return usage_problem("VERSION '" + words[2] + "' must be a whole number from 1 to 2147483647");
  }
  return name;
}

}  // namespace ota::cli
