#include "cloud/rollout/status.hpp"

#include <algorithm>
#include <tuple>

#include "contract/azure/names.hpp"

namespace ota::rollout {
namespace {

std::optional<std::int64_t> count(const std::map<std::string, std::int64_t>& results,
                                  const char* name) {
  const auto it = results.find(name);
  return it == results.end() ? std::nullopt : std::optional(it->second);
}

/// Of releases in list order (newest first within a product and group).
void mark_superseded(std::vector<ReleaseStatus>& releases) {
  const ReleaseStatus* newest = nullptr;
  for (ReleaseStatus& one : releases) {
    const bool same = newest != nullptr && newest->release.product == one.release.product &&
                      newest->release.group == one.release.group;
    if (!same) newest = nullptr;
    if (newest != nullptr) one.superseded_by = newest->release.version;
    if (newest == nullptr && one.release.state != RolloutState::Aborted) newest = &one;
  }
}

/// Adds what a condition selects, up to the limit, if `wanted` says so.
template <class Wanted>
Outcome<Ok> add_devices(rest::HubClient& hub, const std::string& condition, std::size_t devices_max,
                        DeviceList& list, Wanted wanted) {
  if (list.devices.size() >= devices_max) {
    list.more = true;
    return Ok{};
  }
  const std::size_t room = devices_max - list.devices.size();
  OTA_TRY(const auto found,
          outcome_of(hub.query_some("SELECT * FROM devices WHERE " + condition, room)));
  list.more = list.more || found.more;
  for (const rest::JsonText& row : found.rows) {
    auto device = read_device(row.text);
    if (device && wanted(*device)) list.devices.push_back(std::move(*device));
  }
  return Ok{};
}

}  // namespace

Counts metrics_of(const rest::Configuration& configuration) {
  const auto& results = configuration.metric_results;
  return {.targeted = count(configuration.system_results, "targetedCount"),
          .downloading = count(results, metric::kDownloading),
          .interrupted = count(results, metric::kInterrupted),
          .applying = count(results, metric::kApplying),
          .applied = count(results, metric::kApplied),
          .error = count(results, metric::kError)};
}

Outcome<std::vector<ReleaseStatus>> list_releases(rest::HubClient& hub) {
  OTA_TRY(const auto configurations, outcome_of(hub.list_configurations()));
  std::vector<ReleaseStatus> out;
  for (const rest::Configuration& configuration : configurations) {
    if (auto release = read_release(configuration)) {
      out.push_back({.release = std::move(*release), .counts = metrics_of(configuration)});
    }
  }
  std::sort(out.begin(), out.end(), [](const ReleaseStatus& a, const ReleaseStatus& b) {
    const DeployedRelease& x = a.release;
    const DeployedRelease& y = b.release;
    return std::tie(x.product, x.group, y.version, y.revision) <
           std::tie(y.product, y.group, x.version, x.revision);
  });
  mark_superseded(out);
  return out;
}

Outcome<DeviceList> devices_of(rest::HubClient& hub, const DeployedRelease& release,
                               const DeviceSelection& selection) {
  namespace key = contract::report_key;
  const std::string targeted = contract::target_condition(release.product, release.group);
  const std::size_t limit = selection.devices_max;
  DeviceList list;
  if (selection.which == Which::All) {
    OTA_TRY(add_devices(hub, targeted, limit, list, [](const DeviceState&) { return true; }));
    return list;
  }
  const std::string version = std::to_string(release.version);
  const auto is = [](std::string_view name, const std::string& value) {
    return reported_path(name) + " = " + value;
  };
  // A comparison with what is not there is never true, so that is asked for by itself.
  const auto is_not = [](std::string_view name, const std::string& value) {
    return "NOT IS_DEFINED(" + reported_path(name) + ") OR " + reported_path(name) + " != " + value;
  };
  const std::string failed =
      targeted + " AND " + is(key::kStatus, "'error'") + " AND " + is(key::kTarget, version);
  OTA_TRY(add_devices(hub, failed, limit, list, [&release](const DeviceState& device) {
    return standing_of(device.report, release) != Standing::Done;
  }));
  const std::string others = targeted + " AND (" + is_not(key::kVersion, version) + " OR " +
                             is_not(key::kStatus, "'applied'") + ") AND (" +
                             is_not(key::kStatus, "'error'") + " OR " +
                             is_not(key::kTarget, version) + ")";
  OTA_TRY(add_devices(hub, others, limit, list, [&release](const DeviceState& device) {
    return standing_of(device.report, release) != Standing::Done;
  }));
  return list;
}

Outcome<RolloutDetail> show_rollout(rest::HubClient& hub, const RolloutName& name,
                                    const DeviceSelection& selection) {
  RolloutDetail out;
  OTA_TRY(out.sight, look(hub, name));
  OTA_TRY(out.list, devices_of(hub, out.sight.release, selection));
  return out;
}

}  // namespace ota::rollout
