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

  std::string id() const;
};

/// The configuration that carries a release to its devices.
/// @errors Input: a text is longer than a device accepts.
Outcome<rest::Configuration> make_configuration(const Release& release);

/// Whether a release is offered. Kept as the label `state`, so that every operator sees the same.
enum class RolloutState : std::uint8_t {
  Active,   // to every device of its product and group
  Paused,   // only to devices that have begun
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
};

/// Writes the state into the labels of a configuration.
void set_state(rest::Configuration& configuration, RolloutState state);

/// Nothing for a configuration that is not one of ours.
std::optional<DeployedRelease> read_release(const rest::Configuration& configuration);

/// The releases of one product and group, newest version and revision first.
std::vector<DeployedRelease> releases_of(const std::vector<rest::Configuration>& configurations,
                                         std::string_view product, std::string_view group);

/// What a deployment has to do, given what is there (newest first).
/// @returns the release that is already there with this version and content, or nothing: go on
/// @errors Conflict: this version with other content, or a newer version.
Outcome<std::optional<DeployedRelease>> find_same(const std::vector<DeployedRelease>& deployed,
                                                  std::uint32_t version, std::string_view sha256);

/// How many releases of one product and group stay on the hub: the newest, and the one before.
inline constexpr std::size_t kReleasesKept = 2;

/// The releases to remove (all but the newest kReleasesKept); `deployed` is newest first.
std::vector<DeployedRelease> superseded(const std::vector<DeployedRelease>& deployed);

}  // namespace ota::rollout
