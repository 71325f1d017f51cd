#include "cloud/rollout/rollback.hpp"

#include <algorithm>
#include <map>

#include "base/encoding.hpp"
#include "cloud/rollout/control.hpp"
#include "cloud/rollout/scratch_file.hpp"
#include "cloud/rollout/tally.hpp"
#include "contract/azure/names.hpp"
#include "contract/limits.hpp"

namespace ota::rollout {
namespace {

using Releases = std::vector<DeployedRelease>;

Failure not_found(std::string code, std::string message) {
  return {.kind = Failure::Kind::NotFound, .code = std::move(code), .message = std::move(message)};
}

std::string whose(const RollbackRequest& request) {
  return "product '" + request.product + "', group '" + request.group + "'";
}

/// How to do it with the file at hand.
std::string with_the_file(const RollbackRequest& request, const DeployedRelease& newest) {
  return "`mcu-ota deploy FILE " + std::to_string(newest.version + 1) + " '" + request.product +
         "' '" + request.group + "' --mcu-version TEXT` with the old file and what it reports";
}

/// Devices by the version that they report; those that report none count under 0.
Outcome<std::map<std::uint32_t, std::int64_t>> count_versions(rest::HubClient& hub,
                                                              const RollbackRequest& request) {
  OTA_TRY(const FleetCount fleet,
          count_fleet(hub, contract::target_condition(request.product, request.group)));
  std::map<std::uint32_t, std::int64_t> out;
  for (const FleetRow& row : fleet.rows) out[row.report.version.value_or(0)] += row.devices;
  return out;
}

/// The newest revision of each version before the newest version.
Releases earlier_versions(const Releases& releases) {
  Releases out;
  std::uint32_t last = releases.front().version;
  for (const DeployedRelease& release : releases) {
    if (release.version != last) out.push_back(release);
    last = release.version;
  }
  return out;
}

std::string list_of(const Releases& releases) {
  std::string out;
  for (const DeployedRelease& one : releases) {
    out += (out.empty() ? "" : ", ") + std::to_string(one.version);
    if (one.state == RolloutState::Aborted) out += " (aborted)";
  }
  return out;
}

Outcome<DeployedRelease> find_named(const RollbackRequest& request, const DeployedRelease& newest,
                                    const Releases& earlier) {
  const std::string version = std::to_string(request.to_version);
  if (request.to_version >= newest.version) {
    return Failure{.kind = Failure::Kind::Input,
                   .code = "version_not_older",
                   .message = "version " + version + " is not older than version " +
                              std::to_string(newest.version) + ", which is deployed to " +
                              whose(request) + "; name an earlier one"};
  }
  for (const DeployedRelease& one : earlier) {
    if (one.version == request.to_version) return one;
  }
  return not_found("no_such_version",
                   "version " + version + " of " + whose(request) + " is not on the hub any more" +
                       (earlier.empty() ? "" : " (there are " + list_of(earlier) + ")") + "; use " +
                       with_the_file(request, newest));
}

Outcome<DeployedRelease> find_good(const RollbackRequest& request, const Releases& releases,
                                   const Releases& earlier,
                                   const std::map<std::uint32_t, std::int64_t>& devices) {
  const auto was_good = [&](const DeployedRelease& one) {
    if (one.state == RolloutState::Aborted) return false;
    return devices.contains(one.version) ||
           std::any_of(releases.begin(), releases.end(),
                       [&one](const auto& later) { return later.last_good == one.version; });
  };
  const auto good = std::find_if(earlier.begin(), earlier.end(), was_good);
  if (good != earlier.end()) return *good;
  const DeployedRelease& newest = releases.front();
  if (earlier.empty()) {
    return not_found("nothing_to_go_back_to",
                     "version " + std::to_string(newest.version) + " is the only one of " +
                         whose(request) + " on the hub; use " + with_the_file(request, newest));
  }
  return not_found("no_good_release", "no device is known to have run an earlier version of " +
                                          whose(request) +
                                          "; name one with --to VERSION (there "
                                          "are " +
                                          list_of(earlier) + ")");
}

Outcome<Ok> check(const RollbackRequest& request) {
  return check_request({.version = 1,
                        .product = request.product,
                        .group = request.group,
                        .token_days = request.token_days,
                        .mcu_version = request.mcu_version});
}

/// The image of a release, read from its blob into a file that is gone afterwards.
Outcome<ImageFile> fetch(rest::BlobClient& blobs, const rest::BlobPlace& place,
                         const DeployedRelease& release, ScratchFile& file) {
  const auto got = blobs.get(place, [&file](std::string_view piece) { return file.append(piece); });
  if (!got && got.error().kind == rest::ApiError::Kind::NotFound) {
    return not_found("blob_missing", "the blob " + place.container + "/" + place.name +
                                         " of version " + std::to_string(release.version) +
                                         " is gone; deploy its file under a new version, with "
                                         "--mcu-version and what it reports");
  }
  if (!got && !file.problem().empty()) {
    return Failure{
        .kind = Failure::Kind::Failed, .code = "scratch_file", .message = file.problem()};
  }
  if (!got) return failure_of(got.error());
  OTA_TRY(ImageFile image, open_image(file.path()));
  if (to_hex(image.sha256) != release.sha256) {
    return Failure{.kind = Failure::Kind::Failed,
                   .code = "hash_mismatch",
                   .message = "the blob " + place.container + "/" + place.name +
                              " does not have the hash of version " +
                              std::to_string(release.version) +
                              ", so it is not used; deploy the file under a new version"};
  }
  // "{16 digits of the hash}-{name}"
  const std::string last = place.name.substr(place.name.rfind('/') + 1);
  image.base_name = last.size() > 17 ? last.substr(17) : release.file_name;
  return image;
}

}  // namespace

Outcome<RollbackPlan> plan_rollback(rest::HubClient& hub, const RollbackRequest& request) {
  OTA_TRY(check(request));
  OTA_TRY(const auto all, outcome_of(hub.list_configurations()));
  const Releases releases = releases_of(all, request.product, request.group);
  if (releases.empty()) {
    return not_found("nothing_deployed",
                     "nothing is deployed to " + whose(request) +
                         ", so there is nothing to go "
                         "back from; `mcu-ota list` shows what is deployed to whom");
  }
  OTA_TRY(const auto counted, count_versions(hub, request));
  const Releases earlier = earlier_versions(releases);
  RollbackPlan plan{.faulty = releases.front(), .token_days = request.token_days};
  OTA_TRY(plan.good, request.to_version != 0 ? find_named(request, plan.faulty, earlier)
                                             : find_good(request, releases, earlier, counted));
  if (plan.faulty.version == contract::kVersionMax) {
    return Failure{.kind = Failure::Kind::Conflict,
                   .code = "no_version_left",
                   .message = "version 2147483647 is deployed to " + whose(request) +
                              " and there is none above it; move the devices to another group"};
  }
  plan.version = plan.faulty.version + 1;
  plan.mcu_version = request.mcu_version.empty() ? plan.good.mcu_version : request.mcu_version;
  const bool offered = plan.faulty.state != RolloutState::Aborted;
  plan.already_there = offered && plan.faulty.sha256 == plan.good.sha256;
  const auto count_of = [&counted = counted](std::uint32_t version) {
    const auto it = counted.find(version);
    return it == counted.end() ? 0 : it->second;
  };
  for (const auto& [version, count] : counted) plan.devices += count;
  plan.on_faulty = count_of(plan.faulty.version);
  plan.on_good = count_of(plan.good.version);
  return plan;
}

Outcome<DeployResult> roll_back(const Cloud& cloud, const RollbackPlan& plan,
                                DeployObserver& observer) {
  OTA_TRY(ScratchFile file, ScratchFile::open());
  OTA_TRY(const rest::BlobPlace place, find_place(cloud.blobs, plan.good.url));
  OTA_TRY(const ImageFile image, fetch(cloud.blobs, place, plan.good, file));
  const DeployRequest request{.version = plan.version,
                              .product = plan.good.product,
                              .group = plan.good.group,
                              .container = place.container,
                              .token_days = plan.token_days,
                              .mcu_version = plan.mcu_version,
                              .last_good = plan.good.version,
                              .before_offer = [&]() -> Outcome<Ok> {
                                const RolloutName faulty{.product = plan.faulty.product,
                                                         .group = plan.faulty.group,
                                                         .version = plan.faulty.version};
                                OTA_TRY(change_state(cloud.hub, faulty, RolloutState::Aborted));
                                return Ok{};
                              }};
  return deploy(cloud, request, image, observer);
}

}  // namespace ota::rollout
