#pragma once

// A release: one version for one product and group, as a configuration of the hub. Everything here
// is a function on values; docs/formats/twin.md has the keys.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/sha256.hpp"
#include "cloud/rest/configuration.hpp"
#include "cloud/rollout/failure.hpp"
#include "contract/azure/sas.hpp"

namespace ota::rollout {

/// The names of the five metrics: the words that devices report, as the public sample writes them.
namespace metric {
inline constexpr const char* kDownloading = "Downloading";
inline constexpr const char* kInterrupted = "Interrupted";
inline constexpr const char* kApplying = "Applying";
inline constexpr const char* kApplied = "Applied";
inline constexpr const char* kError = "Error";
}  // namespace metric

/// "properties.reported.extFwInfo.{key}", as queries and target conditions name it.
std::string reported_path(std::string_view key);

struct Release {
  std::string product = {};
  std::string group = {};
  std::uint32_t version = 0;
  std::uint32_t revision = 1;
  std::string mcu_version = {};  // what the MCU must report
  std::string file_name = {};
  std::uint64_t size_bytes = 0;
  Digest sha256{};
  std::string url = {};
  std::string sas = {};
  /// The version that devices ran when this one was deployed; 0: unknown. rollback goes back to it.
  std::uint32_t last_good = 0;

  std::string id() const;
};

/// The configuration that carries a release to its devices.
/// @errors Input: a text is longer than a device accepts.
Outcome<rest::Configuration> make_configuration(const Release& release);

/// Whether a release is offered. Kept in the configuration, as its target condition and the label
/// `state`, so that every operator sees the same.
enum class RolloutState : std::uint8_t {
  Active,   // to every device of its product and group
  Paused,   // only to devices that reported that they began it
  Aborted,  // to nobody, for good
};

/// "active", "paused", "aborted".
std::string_view to_text(RolloutState state);

/// What a configuration says about the release in it.
struct DeployedRelease {
  std::string id = {};
  std::string product = {};
  std::string group = {};
  std::uint32_t version = 0;
  std::uint32_t revision = 0;
  std::string file_name = {};
  std::string sha256 = {};  // 64 lower-case digits
  RolloutState state = RolloutState::Active;
  std::string mcu_version = {};
  std::string url = {};  // of the blob, without token; empty: the offer cannot be read
  std::uint64_t size_bytes = 0;
  contract::UnixSeconds token_expires = 0;  // 0: unknown
  std::string created = {};
  std::string etag = {};
  std::uint32_t last_good = 0;  // see Release
};

/// The devices that a release of this state is offered to.
///
/// Paused: those that report the version as the one that their MCU runs, or as their target. The
/// engine reports `Target` when it takes an offer, and keeps it until it takes another: while it
/// waits, works, is done and after a failure, so a device matches on the whole way and its offer
/// does not flicker. A device whose work was withdrawn reports the same `Target` with the code
/// `withdrawn`; it counts as one that has not begun, else a pause would start again what an abort
/// had stopped. A device that took the offer but was not heard yet loses it: it stops at the next
/// chunk, keeps what it has stored, and goes on from there after resume. One that programs its MCU
/// finishes whatever happens to its offer.
std::string condition_of(const DeployedRelease& release, RolloutState state);

/// Writes the state into label and target condition; Active has no label. Only for configurations
/// of ours.
void set_state(rest::Configuration& configuration, RolloutState state);

/// Whether label and target condition say so, and nothing else.
bool is_in_state(const rest::Configuration& configuration, RolloutState state);

/// Nothing for a configuration that is not one of ours.
std::optional<DeployedRelease> read_release(const rest::Configuration& configuration);

/// The whole release in a configuration of ours, with its token.
/// @errors Failed: its offer cannot be read
Outcome<Release> unpack(const rest::Configuration& configuration);

/// The releases of one product and group, newest version and revision first.
std::vector<DeployedRelease> releases_of(const std::vector<rest::Configuration>& configurations,
                                         std::string_view product, std::string_view group);

/// What a deployment has to do, given what is there (newest first).
/// @returns the release that is already there with this version and content, or nothing: go on
/// @errors Conflict: this version with other content, or a newer version.
Outcome<std::optional<DeployedRelease>> find_same(const std::vector<DeployedRelease>& deployed,
                                                  std::uint32_t version, std::string_view sha256);

/// How many versions of one product and group stay on the hub: the newest, and the one before.
inline constexpr std::size_t kVersionsKept = 2;

/// The releases to remove; `deployed` is newest first. Of the newest kVersionsKept versions the
/// newest revision stays. If all of them but the newest version were aborted, the newest one that
/// was not stays too: it is what rollback goes back to.
std::vector<DeployedRelease> superseded(const std::vector<DeployedRelease>& deployed);

/// The newest version that devices are counted to run, else what the newest release says; 0: none.
std::uint32_t find_last_good(const std::vector<rest::Configuration>& configurations,
                             std::string_view product, std::string_view group);

}  // namespace ota::rollout
