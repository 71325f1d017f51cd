#include "cloud/rollout/release.hpp"

#include <algorithm>
#include <charconv>
#include <tuple>

#include "base/assert.hpp"
#include "base/encoding.hpp"
#include "contract/azure/names.hpp"
#include "contract/json/offer_json.hpp"
#include "contract/status.hpp"

namespace ota::rollout {
namespace {

namespace label {
constexpr const char* kProduct = "product";
constexpr const char* kGroup = "group";
constexpr const char* kVersion = "version";
constexpr const char* kRevision = "revision";
constexpr const char* kFile = "file";
constexpr const char* kSha256 = "sha256";
constexpr const char* kState = "state";        // absent: active
constexpr const char* kLastGood = "lastGood";  // absent: unknown
}  // namespace label

/// Labels of IoT Hub hold at most 128 characters.
constexpr std::size_t kLabelBytesMax = 128;

template <std::size_t Capacity>
Outcome<FixedText<Capacity>> fit(const char* name, const std::string& text) {
  FixedText<Capacity> out;
  if (!out.assign(text)) {
    return Failure{.kind = Failure::Kind::Input,
                   .code = "text_too_long",
                   .message = std::string(name) + " has " + std::to_string(text.size()) +
                              " bytes, but a device takes at most " + std::to_string(Capacity) +
                              "; use shorter names for file, container or product"};
  }
  return out;
}

Outcome<contract::Offer> offer_of(const Release& release) {
  contract::Offer offer;
  offer.version = release.version;
  offer.size_bytes = static_cast<std::uint32_t>(release.size_bytes);
  offer.sha256 = release.sha256;
  offer.attempt = release.revision - 1;  // r1 is the first attempt and needs no key
  OTA_TRY(offer.url, fit<contract::kUrlBytesMax>("the blob's URL", release.url));
  OTA_TRY(offer.sas, fit<contract::kSasBytesMax>("the blob's token", release.sas));
  OTA_TRY(offer.product, fit<contract::kProductBytesMax>("PRODUCT", release.product));
  OTA_TRY(offer.mcu_version,
          fit<contract::kMcuVersionBytesMax>("the MCU's version text", release.mcu_version));
  return offer;
}

/// The devices of this release that report `status`, `key` being the version.
std::string metric_query(const Release& release, contract::StatusWord status,
                         std::string_view key) {
  return "SELECT deviceId FROM devices WHERE " +
         contract::target_condition(release.product, release.group) + " AND " +
         reported_path(contract::report_key::kStatus) + "='" +
         std::string(contract::to_text(status)) + "' AND " + reported_path(key) + "=" +
         std::to_string(release.version);
}

std::uint32_t number(const std::map<std::string, std::string>& labels, const char* name) {
  const auto it = labels.find(name);
  std::uint32_t value = 0;
  if (it != labels.end()) {
    const std::string& text = it->second;
    std::from_chars(text.data(), text.data() + text.size(), value);
  }
  return value;
}

std::string text(const std::map<std::string, std::string>& labels, const char* name) {
  const auto it = labels.find(name);
  return it == labels.end() ? std::string() : it->second;
}

/// An unknown word, of a later version of this program, counts as aborted: nothing is offered on
/// the strength of a guess.
RolloutState state_of(const std::string& word) {
  if (word.empty() || word == to_text(RolloutState::Active)) return RolloutState::Active;
  return word == to_text(RolloutState::Paused) ? RolloutState::Paused : RolloutState::Aborted;
}

/// Where in the content of a configuration the offer is.
std::string offer_path() { return "properties.desired." + std::string(contract::kProperty); }

std::optional<contract::Offer> find_offer(const rest::Configuration& configuration) {
  const auto content = configuration.device_content.find(offer_path());
  if (content == configuration.device_content.end()) return std::nullopt;
  const auto offer = contract::parse_offer(content->second);
  return offer ? std::optional(*offer) : std::nullopt;
}

void read_offer(const rest::Configuration& configuration, DeployedRelease& out) {
  const auto offer = find_offer(configuration);
  if (!offer) return;
  out.mcu_version = std::string(offer->mcu_version.view());
  out.url = std::string(offer->url.view());
  out.size_bytes = offer->size_bytes;
  out.token_expires = contract::blob_sas_expiry(offer->sas.view()).value_or(0);
}

Failure conflict(std::string code, std::string message) {
  return {.kind = Failure::Kind::Conflict, .code = std::move(code), .message = std::move(message)};
}

}  // namespace

std::string_view to_text(RolloutState state) {
  switch (state) {
    case RolloutState::Active:
      return "active";
    case RolloutState::Paused:
      return "paused";
    case RolloutState::Aborted:
      return "aborted";
  }
  return "unknown";
}

std::string condition_of(const DeployedRelease& release, RolloutState state) {
  if (state == RolloutState::Aborted) return "";  // matches nobody
  const std::string members = contract::target_condition(release.product, release.group);
  if (state == RolloutState::Active) return members;
  namespace key = contract::report_key;
  const std::string version = "=" + std::to_string(release.version);
  return members + " AND (" + reported_path(key::kVersion) + version + " OR (" +
         reported_path(key::kTarget) + version + " AND " + reported_path(key::kCode) + "<>'" +
         std::string(contract::to_text(contract::Code::Withdrawn)) + "'))";
}

void set_state(rest::Configuration& configuration, RolloutState state) {
  const auto release = read_release(configuration);
  OTA_ASSERT(release);
  configuration.target_condition = condition_of(*release, state);
  configuration.labels.erase(label::kState);
  if (state != RolloutState::Active) {
    configuration.labels[label::kState] = std::string(to_text(state));
  }
}

bool is_in_state(const rest::Configuration& configuration, RolloutState state) {
  const auto release = read_release(configuration);
  return release && release->state == state &&
         configuration.target_condition == condition_of(*release, state);
}

std::string reported_path(std::string_view key) {
  return "properties.reported." + std::string(contract::kProperty) + "." + std::string(key);
}

std::string Release::id() const {
  return contract::configuration_id(product, group, version, revision);
}

Outcome<rest::Configuration> make_configuration(const Release& release) {
  OTA_TRY(const contract::Offer offer, offer_of(release));
  rest::Configuration out;
  out.id = release.id();
  out.labels = {{label::kProduct, release.product},
                {label::kGroup, release.group},
                {label::kVersion, std::to_string(release.version)},
                {label::kRevision, std::to_string(release.revision)},
                {label::kFile, release.file_name.substr(0, kLabelBytesMax)},
                {label::kSha256, to_hex(release.sha256)}};
  if (release.last_good != 0) out.labels[label::kLastGood] = std::to_string(release.last_good);
  out.device_content = {{offer_path(), contract::encode_offer(offer)}};
  out.target_condition = contract::target_condition(release.product, release.group);
  out.priority = release.version;
  using contract::StatusWord;
  namespace key = contract::report_key;
  out.metric_queries = {
      {metric::kDownloading, metric_query(release, StatusWord::Downloading, key::kTarget)},
      {metric::kInterrupted, metric_query(release, StatusWord::Interrupted, key::kTarget)},
      {metric::kApplying, metric_query(release, StatusWord::Applying, key::kTarget)},
      {metric::kApplied, metric_query(release, StatusWord::Applied, key::kVersion)},
      {metric::kError, metric_query(release, StatusWord::Error, key::kTarget)}};
  return out;
}

std::optional<DeployedRelease> read_release(const rest::Configuration& configuration) {
  DeployedRelease out{.id = configuration.id,
                      .product = text(configuration.labels, label::kProduct),
                      .group = text(configuration.labels, label::kGroup),
                      .version = number(configuration.labels, label::kVersion),
                      .revision = number(configuration.labels, label::kRevision),
                      .file_name = text(configuration.labels, label::kFile),
                      .sha256 = text(configuration.labels, label::kSha256),
                      .state = state_of(text(configuration.labels, label::kState)),
                      .created = configuration.created,
                      .etag = configuration.etag,
                      .last_good = number(configuration.labels, label::kLastGood)};
  const bool ours =
      out.version != 0 && contract::configuration_belongs_to(out.id, out.product, out.group);
  if (!ours) return std::nullopt;
  read_offer(configuration, out);
  return out;
}

Outcome<Release> unpack(const rest::Configuration& configuration) {
  const auto labels = read_release(configuration);
  const auto offer = find_offer(configuration);
  if (!labels || !offer) {
    return Failure{.kind = Failure::Kind::Failed,
                   .code = "offer_unreadable",
                   .message = "the offer in configuration '" + configuration.id +
                              "' cannot be read; deploy the file under a new version"};
  }
  return Release{.product = labels->product,
                 .group = labels->group,
                 .version = labels->version,
                 .revision = labels->revision,
                 .mcu_version = labels->mcu_version,
                 .file_name = labels->file_name,
                 .size_bytes = offer->size_bytes,
                 .sha256 = offer->sha256,
                 .url = labels->url,
                 .sas = std::string(offer->sas.view()),
                 .last_good = labels->last_good};
}

std::vector<DeployedRelease> releases_of(const std::vector<rest::Configuration>& configurations,
                                         std::string_view product, std::string_view group) {
  std::vector<DeployedRelease> out;
  for (const rest::Configuration& configuration : configurations) {
    auto release = read_release(configuration);
    if (release && release->product == product && release->group == group) {
      out.push_back(std::move(*release));
    }
  }
  std::sort(out.begin(), out.end(), [](const DeployedRelease& a, const DeployedRelease& b) {
    return std::tie(a.version, a.revision) > std::tie(b.version, b.revision);
  });
  return out;
}

Outcome<std::optional<DeployedRelease>> find_same(const std::vector<DeployedRelease>& deployed,
                                                  std::uint32_t version, std::string_view sha256) {
  if (deployed.empty() || deployed.front().version < version) {
    return std::optional<DeployedRelease>();
  }
  const DeployedRelease& newest = deployed.front();
  const std::string whose = "product '" + newest.product + "', group '" + newest.group + "'";
  const std::string next =
      newest.version == contract::kVersionMax ? "" : std::to_string(newest.version + 1);
  if (newest.version > version) {
    return conflict("version_not_newer",
                    "version " + std::to_string(version) + " is lower than version " +
                        std::to_string(newest.version) + ", which is deployed to " + whose +
                        "; to go back, use `mcu-ota rollback`, or deploy the old file as version " +
                        next + " with --mcu-version and what that firmware reports");
  }
  if (newest.sha256 != sha256) {
    return conflict("version_has_other_content",
                    "version " + std::to_string(version) + " is deployed to " + whose +
                        " with other content (" + newest.file_name + ", sha256 " +
                        newest.sha256.substr(0, 16) + "...); a version never changes: use " + next);
  }
  return std::optional(newest);
}

std::vector<DeployedRelease> superseded(const std::vector<DeployedRelease>& deployed) {
  std::vector<DeployedRelease> out;
  std::uint32_t version = 0;  // of the release before; 0 is no version of a release
  std::size_t versions = 0;
  bool has_earlier_good = false;  // one to go back to stays
  for (const DeployedRelease& release : deployed) {
    const bool newest_revision = release.version != version;
    version = release.version;
    if (newest_revision) ++versions;
    const bool good = versions > 1 && release.state != RolloutState::Aborted;
    const bool stays = versions <= kVersionsKept || (good && !has_earlier_good);
    if (!newest_revision || !stays) {
      out.push_back(release);
    } else if (good) {
      has_earlier_good = true;
    }
  }
  return out;
}

std::uint32_t find_last_good(const std::vector<rest::Configuration>& configurations,
                             std::string_view product, std::string_view group) {
  std::uint32_t counted = 0;
  for (const rest::Configuration& configuration : configurations) {
    const auto release = read_release(configuration);
    const bool ours = release && release->product == product && release->group == group &&
                      release->state != RolloutState::Aborted;
    const auto applied = configuration.metric_results.find(metric::kApplied);
    const bool runs = applied != configuration.metric_results.end() && applied->second > 0;
    if (ours && runs) counted = std::max(counted, release->version);
  }
  if (counted != 0) return counted;
  const auto releases = releases_of(configurations, product, group);
  return releases.empty() ? 0 : releases.front().last_good;
}

}  // namespace ota::rollout
