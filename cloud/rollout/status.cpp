#include "cloud/rollout/status.hpp"

#include <algorithm>
#include <tuple>

#include "cloud/rollout/find.hpp"

namespace ota::rollout {
namespace {

std::optional<std::int64_t> count(const std::map<std::string, std::int64_t>& results,
                                  const char* name) {
  const auto it = results.find(name);
  return it == results.end() ? std::nullopt : std::optional(it->second);
}

Counts metrics_of(const rest::Configuration& configuration) {
  const auto& results = configuration.metric_results;
  return {.targeted = count(configuration.system_results, "targetedCount"),
          .downloading = count(results, metric::kDownloading),
          .interrupted = count(results, metric::kInterrupted),
          .applying = count(results, metric::kApplying),
          .applied = count(results, metric::kApplied),
          .error = count(results, metric::kError)};
}

bool reports(const DeviceState& device, contract::StatusWord word) {
  return device.report.status == contract::to_text(word);
}

}  // namespace

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
  return out;
}

Outcome<ReleaseDetail> show_release(rest::HubClient& hub, std::string_view id) {
  OTA_TRY(auto found, find_rollout(hub, {.id = std::string(id)}));
  OTA_TRY(auto devices, targeted_devices(hub, found.configuration.target_condition));
  const Counts counts = count_devices(devices, found.release.version);
  return ReleaseDetail{.status = {.release = std::move(found.release), .counts = counts},
                       .devices = std::move(devices)};
}

Counts count_devices(const std::vector<DeviceState>& devices, std::uint32_t version) {
  using contract::StatusWord;
  const auto with = [&devices, version](StatusWord word) {
    return std::count_if(devices.begin(), devices.end(), [&](const DeviceState& device) {
      const auto& about =
          word == StatusWord::Applied ? device.report.version : device.report.target;
      return reports(device, word) && about == version;
    });
  };
  return {.targeted = static_cast<std::int64_t>(devices.size()),
          .downloading = with(StatusWord::Downloading),
          .interrupted = with(StatusWord::Interrupted),
          .applying = with(StatusWord::Applying),
          .applied = with(StatusWord::Applied),
          .error = with(StatusWord::Error)};
}

}  // namespace ota::rollout
