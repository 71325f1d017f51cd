#include "cloud/rollout/deploy.hpp"

#include <algorithm>

#include "base/encoding.hpp"
#include "cloud/rollout/revisions.hpp"
#include "contract/azure/names.hpp"
#include "contract/limits.hpp"

namespace ota::rollout {
namespace {

Failure input(std::string code, std::string message) {
  return {.kind = Failure::Kind::Input, .code = std::move(code), .message = std::move(message)};
}

/// Azure: 3 .. 63 lower-case letters, digits and single dashes, beginning and ending without one.
bool is_container_name(std::string_view name) {
  if (name.size() < 3 || name.size() > 63 || name.front() == '-' || name.back() == '-') {
    return false;
  }
  if (name.find("--") != std::string_view::npos) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return c >= 0x20 && c != 0x7F; });
}

/// One deployment on its way.
class Deployment {
 public:
  Deployment(const Cloud& cloud, const DeployRequest& request, const ImageFile& image,
             DeployObserver& observer)
      : cloud_(cloud), request_(request), image_(image), observer_(observer) {}

  Outcome<DeployResult> run() {
    OTA_TRY(const auto all, outcome_of(cloud_.hub.list_configurations()));
    auto deployed = releases_of(all, request_.product, request_.group);
    prepare_release();
    OTA_TRY(const auto same, find_same(deployed, request_.version, result_.sha256));
    if (same && same->state != RolloutState::Aborted) return found(*same, deployed);
    if (same) release_.revision = same->revision + 1;
    release_.last_good = request_.last_good != 0
                             ? request_.last_good
                             : find_last_good(all, request_.product, request_.group);
    OTA_TRY(rest::Configuration configuration, make_configuration(release_));
    result_.configuration_id = configuration.id;
    result_.target_condition = configuration.target_condition;
    result_.revision = release_.revision;
    if (request_.mode == Mode::Dry) {
      result_.what = DeployResult::What::Planned;
      return std::move(result_);
    }
    OTA_TRY(publish());
    if (request_.before_offer) {
      OTA_TRY(request_.before_offer());
      OTA_TRY(const auto now, outcome_of(cloud_.hub.list_configurations()));
      deployed = releases_of(now, request_.product, request_.group);
    }
    OTA_TRY(create(configuration));
    if (result_.what == DeployResult::What::Created) remove_superseded(deployed);
    return std::move(result_);
  }

 private:
  void prepare_release() {
    const contract::UnixSeconds now = cloud_.now();
    blob_name_ =
        contract::blob_name(request_.product, request_.version, image_.sha256, image_.base_name);
    result_.token_expires = now + request_.token_days * kSecondsPerDay;
    result_.url = cloud_.blobs.url_of(request_.container, blob_name_);
    result_.sha256 = to_hex(image_.sha256);
    result_.size_bytes = image_.size_bytes;
    release_ = {.product = request_.product,
                .group = request_.group,
                .version = request_.version,
                .mcu_version = request_.mcu_version.empty() ? std::to_string(request_.version)
                                                            : request_.mcu_version,
                .file_name = image_.base_name,
                .size_bytes = image_.size_bytes,
                .sha256 = image_.sha256,
                .url = result_.url,
                .sas = cloud_.blobs.read_sas(request_.container, blob_name_,
                                             now - kTokenHeadStartSeconds, result_.token_expires)};
  }

  /// The same version with the same content: nothing to do, but say what keeps devices from it.
  DeployResult found(const DeployedRelease& release, const std::vector<DeployedRelease>& deployed) {
    result_.what = DeployResult::What::AlreadyThere;
    result_.configuration_id = release.id;
    result_.target_condition = condition_of(release, release.state);
    result_.state = release.state;
    result_.revision = release.revision;
    result_.blob_was_there = true;
    if (!release.url.empty()) result_.url = release.url;
    result_.token_expires = release.token_expires;
    const std::string whose = " '" + request_.product + "' '" + request_.group + "'";
    if (release.state == RolloutState::Paused) {
      result_.warnings.push_back("it is paused; `mcu-ota resume" + whose + "` offers it again");
    }
    if (result_.token_expires != 0 && result_.token_expires <= cloud_.now()) {
      result_.warnings.push_back("its download token ended at " +
                                 contract::to_iso8601(result_.token_expires) +
                                 "; devices that still need the image cannot fetch it: `mcu-ota "
                                 "renew" +
                                 whose + "`");
    }
    if (request_.mode == Mode::Real) remove_older_revisions(release, deployed);
    return std::move(result_);
  }

  /// An interrupted retry or renewal left one.
  void remove_older_revisions(const DeployedRelease& newest,
                              const std::vector<DeployedRelease>& deployed) {
    Removal removal;
    for (const DeployedRelease& old : deployed) {
      const bool older = old.version == newest.version && old.revision < newest.revision;
      if (older) remove_unless_changed(cloud_.hub, old.id, old.etag, removal);
    }
    keep(std::move(removal));
  }

  void keep(Removal removal) {
    result_.removed = std::move(removal.removed);
    for (std::string& warning : removal.warnings) result_.warnings.push_back(std::move(warning));
  }

  Outcome<Ok> publish() {
    OTA_TRY(outcome_of(cloud_.blobs.ensure_container(request_.container)));
    OTA_TRY(result_.blob_was_there, blob_is_there());
    if (result_.blob_was_there) return Ok{};
    const rest::BlobUpload upload{.container = request_.container,
                                  .name = blob_name_,
                                  .path = image_.path,
                                  .size_bytes = image_.size_bytes,
                                  .md5 = image_.md5,
                                  .metadata = {{"filename", image_.base_name},
                                               {"version", std::to_string(request_.version)},
                                               {"mcuversion", release_.mcu_version},
                                               {"deployment", result_.configuration_id},
                                               {"sha256", result_.sha256}}};
    const auto stored = cloud_.blobs.put(
        upload, [this](std::uint64_t bytes) { observer_.uploading(bytes, image_.size_bytes); });
    if (stored) return Ok{};
    if (stored.error().kind != rest::ApiError::Kind::Conflict)
      return upload_failure(stored.error());
    // Somebody else, or our own try whose answer was lost, was first: the content decides.
    OTA_TRY(result_.blob_was_there, blob_is_there());
    return result_.blob_was_there ? Outcome<Ok>(Ok{}) : Outcome<Ok>(failure_of(stored.error()));
  }

  static Failure upload_failure(const rest::ApiError& error) {
    if (error.code == "Md5Mismatch") {
      return input("file_changed",
                   "the file changed while it was sent; wait until it is written and deploy again");
    }
    return failure_of(error);
  }

  /// Whether the blob exists with our content.
  /// @errors Conflict: it exists with another one.
  Outcome<bool> blob_is_there() {
    const auto properties = cloud_.blobs.properties(request_.container, blob_name_);
    if (!properties) {
      if (properties.error().kind == rest::ApiError::Kind::NotFound) return false;
      return failure_of(properties.error());
    }
    const bool same =
        properties->size_bytes == image_.size_bytes && properties->content_md5 == image_.md5.whole;
    if (same) return true;
    return Failure{.kind = Failure::Kind::Conflict,
                   .code = "blob_has_other_content",
                   .message = "blob " + request_.container + "/" + blob_name_ +
                              " exists with other content and is never overwritten; deploy under "
                              "a new version, or delete that blob if no device needs it"};
  }

  Outcome<Ok> create(const rest::Configuration& configuration) {
    const auto created = cloud_.hub.create_configuration(configuration);
    if (created) return Ok{};
    if (created.error().kind != rest::ApiError::Kind::Conflict) return failure_of(created.error());
    OTA_TRY(const auto other, outcome_of(cloud_.hub.get_configuration(configuration.id)));
    const auto release = read_release(other);
    if (release && release->sha256 == result_.sha256) {
      result_.what = DeployResult::What::AlreadyThere;
      return Ok{};
    }
    return Failure{.kind = Failure::Kind::Conflict,
                   .code = "deployed_meanwhile",
                   .message = "somebody else deployed version " + std::to_string(request_.version) +
                              " to product '" + request_.product + "', group '" + request_.group +
                              "' at this moment, with other content; look at `mcu-ota status` and "
                              "agree who uses the next version"};
  }

  void remove_superseded(std::vector<DeployedRelease> deployed) {
    deployed.insert(deployed.begin(), DeployedRelease{.id = result_.configuration_id,
                                                      .version = release_.version,
                                                      .revision = release_.revision});
    Removal removal;
    for (const DeployedRelease& old : superseded(deployed)) {
      remove_unless_changed(cloud_.hub, old.id, old.etag, removal);
    }
    keep(std::move(removal));
  }

  const Cloud& cloud_;
  const DeployRequest& request_;
  const ImageFile& image_;
  DeployObserver& observer_;
  Release release_;
  std::string blob_name_;
  DeployResult result_;
};

}  // namespace

Outcome<rest::BlobPlace> find_place(const rest::BlobClient& blobs, std::string_view url) {
  auto place = blobs.place_of(url);
  if (place) return std::move(*place);
  return input("other_storage", "the blob " + std::string(url) +
                                    " is in another storage account than the one given; use the "
                                    "profile or connection string of that account");
}

Outcome<Ok> check_token_days(std::uint32_t days) {
  if (days != 0 && days <= kTokenDaysMax) return Ok{};
  return input("days_invalid",
               "the days of the download token must be 1 to " + std::to_string(kTokenDaysMax));
}

Outcome<Ok> check_request(const DeployRequest& request) {
  if (request.version == 0 || request.version > contract::kVersionMax) {
    return input("version_invalid",
                 "VERSION must be a whole number from 1 to 2147483647; 0 is the factory image");
  }
  if (const auto product = contract::check_product(request.product); !product) {
    return input("product_invalid", product.error());
  }
  if (const auto group = contract::check_group(request.group); !group) {
    return input("group_invalid", group.error());
  }
  if (!is_container_name(request.container)) {
    return input("container_invalid",
                 "'" + request.container +
                     "' cannot be a container; use 3 to 63 lower-case letters, digits and dashes");
  }
  OTA_TRY(check_token_days(request.token_days));
  if (request.mcu_version.size() > contract::kMcuVersionBytesMax ||
      !is_printable(request.mcu_version)) {
    return input("mcu_version_invalid", "the MCU's version must be printable text of at most " +
                                            std::to_string(contract::kMcuVersionBytesMax) +
                                            " bytes");
  }
  return Ok{};
}

Outcome<DeployResult> deploy(const Cloud& cloud, const DeployRequest& request,
                             const ImageFile& image, DeployObserver& observer) {
  OTA_TRY(check_request(request));
  return Deployment(cloud, request, image, observer).run();
}

}  // namespace ota::rollout
