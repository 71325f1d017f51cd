#include "cli/control_text.hpp"

#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/output.hpp"
#include "cli/text_of.hpp"

namespace ota::cli {

std::string rollout_text(const rollout::DeployedRelease& release) {
  return "version " + std::to_string(release.version) + " of product '" + release.product +
         "', group '" + release.group + "'";
}

std::string rollout_words(const rollout::DeployedRelease& release) {
  return "'" + release.product + "' '" + release.group + "' " + std::to_string(release.version);
}

std::string counts_text(const rollout::Counts& counts) {
  if (!counts.targeted) return "its devices, which the hub has not counted yet";
  const auto count = [](const std::optional<std::int64_t>& value) {
    return value ? count_text(*value) : std::string("-");
  };
  return count(counts.targeted) + (counts.targeted == 1 ? " device (" : " devices (") +
         count(counts.downloading) + " downloading, " + count(counts.interrupted) +
         " interrupted, " + count(counts.applying) + " applying, " + count(counts.applied) +
         " applied, " + count(counts.error) + " failed)";
}

nlohmann::json change_json(const char* result, const rollout::DeployedRelease& release,
                           const std::string& target_condition,
                           const std::vector<std::string>& removed,
                           const std::vector<std::string>& warnings) {
  nlohmann::json out = {{"schema", kJsonSchema},
                        {"result", result},
                        {"configuration", release.id},
                        {"product", release.product},
                        {"group", release.group},
                        {"version", release.version},
                        {"revision", release.revision},
                        {"state", rollout::to_text(release.state)},
                        {"targetCondition", target_condition},
                        {"tokenExpires", nullptr},
                        {"removed", removed},
                        {"warnings", warnings}};
  if (release.token_expires != 0) {
    out["tokenExpires"] = contract::to_iso8601(release.token_expires);
  }
  return out;
}

void print_warnings(const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) {
    std::cerr << "mcu-ota: warning: " << printable(warning) << "\n";
  }
}

}  // namespace ota::cli
