#include "cloud/rollout/find.hpp"

#include <algorithm>

namespace ota::rollout {
namespace {

Failure not_found(std::string code, std::string message) {
  return {.kind = Failure::Kind::NotFound, .code = std::move(code), .message = std::move(message)};
}

Outcome<Rollout> rollout_of(const rest::Configuration& configuration) {
  auto release = read_release(configuration);
  if (release) return Rollout{.configuration = configuration, .release = std::move(*release)};
  return not_found("not_a_release", "configuration '" + configuration.id +
                                        "' was not made by `mcu-ota deploy`; `mcu-ota list` "
                                        "shows ours");
}

const rest::Configuration* find_id(const std::vector<rest::Configuration>& configurations,
                                   const std::string& id) {
  const auto it = std::find_if(configurations.begin(), configurations.end(),
                               [&id](const rest::Configuration& one) { return one.id == id; });
  return it == configurations.end() ? nullptr : &*it;
}

}  // namespace

Outcome<Rollout> find_rollout(const std::vector<rest::Configuration>& configurations,
                              const RolloutName& name) {
  if (!name.id.empty()) {
    if (const auto* found = find_id(configurations, name.id)) return rollout_of(*found);
    return not_found("no_such_rollout",
                     "there is no rollout '" + name.id + "'; `mcu-ota list` shows those there are");
  }
  const auto releases = releases_of(configurations, name.product, name.group);
  const std::string whose = "product '" + name.product + "', group '" + name.group + "'";
  if (releases.empty()) {
    return not_found("nothing_deployed", "nothing is deployed to " + whose +
                                             "; `mcu-ota list` shows what is deployed to whom");
  }
  const auto it = std::find_if(releases.begin(), releases.end(), [&name](const auto& one) {
    return name.version == 0 || one.version == name.version;
  });
  if (it == releases.end()) {
    return not_found("no_such_version",
                     "version " + std::to_string(name.version) + " is not deployed to " + whose +
                         "; the newest one there is " + std::to_string(releases.front().version));
  }
  return rollout_of(*find_id(configurations, it->id));
}

Outcome<Rollout> find_rollout(rest::HubClient& hub, const RolloutName& name) {
  if (name.id.empty()) {
    OTA_TRY(const auto configurations, outcome_of(hub.list_configurations()));
    return find_rollout(configurations, name);
  }
  OTA_TRY(const auto configuration, outcome_of(hub.get_configuration(name.id)));
  return rollout_of(configuration);
}

}  // namespace ota::rollout
