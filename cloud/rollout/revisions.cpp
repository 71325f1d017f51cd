#include "cloud/rollout/revisions.hpp"

#include <algorithm>

namespace ota::rollout {

std::vector<rest::Configuration> revisions_of(
    const std::vector<rest::Configuration>& configurations, const DeployedRelease& release) {
  std::vector<std::pair<std::uint32_t, rest::Configuration>> found;
  for (const rest::Configuration& configuration : configurations) {
    const auto one = read_release(configuration);
    if (one && one->product == release.product && one->group == release.group &&
        one->version == release.version) {
      found.emplace_back(one->revision, configuration);
    }
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<rest::Configuration> out;
  for (auto& [revision, configuration] : found) out.push_back(std::move(configuration));
  return out;
}

void remove_unless_changed(rest::HubClient& hub, std::string_view id, std::string_view etag,
                           Removal& removal) {
  using Kind = rest::ApiError::Kind;
  const std::string name(id);
  const auto removed = hub.delete_configuration(id, etag);
  if (removed || removed.error().kind == Kind::NotFound) {
    removal.removed.push_back(name);
  } else if (removed.error().kind == Kind::Conflict) {
    removal.warnings.push_back("the superseded configuration " + name +
                               " stays: somebody else changed it at this moment");
  } else {
    removal.warnings.push_back("the superseded configuration " + name +
                               " stays: " + removed.error().message);
  }
}

void remove_older(rest::HubClient& hub, const std::vector<rest::Configuration>& revisions,
                  Removal& removal) {
  for (std::size_t i = 0; i + 1 < revisions.size(); ++i) {
    remove_unless_changed(hub, revisions[i].id, revisions[i].etag, removal);
  }
}

std::optional<DeployedRelease> fallback_of(const std::vector<rest::Configuration>& configurations,
                                           const DeployedRelease& release) {
  for (DeployedRelease& one : releases_of(configurations, release.product, release.group)) {
    const bool offered = one.version < release.version && one.state == RolloutState::Active;
    if (offered) return std::move(one);
  }
  return std::nullopt;
}

Failure changed_meanwhile(std::string_view id, const std::string& what) {
  return {.kind = Failure::Kind::Conflict,
          .code = "changed_meanwhile",
          .message = "somebody else changed '" + std::string(id) + "' at this moment: " + what +
                     "; look at `mcu-ota status` and repeat the command if you still mean it"};
}

Failure rollout_aborted(const DeployedRelease& release) {
  return {.kind = Failure::Kind::Conflict,
          .code = "rollout_aborted",
          .message = "version " + std::to_string(release.version) + " was aborted for product '" +
                     release.product + "', group '" + release.group +
                     "'; to offer it again, deploy the same file and version again"};
}

}  // namespace ota::rollout
