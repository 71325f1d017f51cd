#pragma once

// How the devices of a release stand, counted by the hub in one query: a fleet of a million costs
// no more than one of ten.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/rest/hub_client.hpp"
#include "cloud/rollout/failure.hpp"
#include "cloud/rollout/release.hpp"
#include "contract/json/report_json.hpp"

namespace ota::rollout {

/// Where a device stands with one release; every targeted device is in exactly one class.
enum class Standing : std::uint8_t {
  Waiting,      // has not begun: never reported, is offline, or is told later
  Downloading,  // fetches or verifies the image
  Interrupted,  // waits for something, and goes on by itself
  Applying,     // programs the MCU, or asks what it runs
  Done,         // the MCU runs this version
  Failed,       // has given up; only a retry or another version changes that
  Newer,        // the MCU runs a newer version and ignores this one
};

/// A failure that an earlier revision left counts as waiting: the device is about to try again.
Standing standing_of(const contract::ReportView& report, const DeployedRelease& release);

struct CodeCount {
  std::string code = {};  // as devices report it; empty: they name none
  std::int64_t devices = 0;

  friend bool operator==(const CodeCount&, const CodeCount&) = default;
};

struct Tally {
  std::int64_t targeted = 0;
  std::int64_t waiting = 0;
  std::int64_t downloading = 0;
  std::int64_t interrupted = 0;
  std::int64_t applying = 0;
  std::int64_t done = 0;
  std::int64_t failed = 0;
  std::int64_t newer = 0;
  std::vector<CodeCount> failures = {};  // of the failed ones, most frequent first

  void add(Standing standing, std::int64_t devices);
  /// Nobody has anything left to do. Not so while nobody is targeted: a new tag takes a while.
  bool ended() const { return targeted > 0 && targeted == done + failed + newer; }

  friend bool operator==(const Tally&, const Tally&) = default;
};

/// Devices that have the same tags and report the same.
struct FleetRow {
  std::string product = {};
  std::string group = {};
  contract::ReportView report = {};
  std::int64_t devices = 0;
};

/// Reads one row of a count; nothing without a number of devices.
std::optional<FleetRow> read_fleet_row(std::string_view json);

struct FleetCount {
  std::vector<FleetRow> rows = {};
  int queries = 0;  // what it cost
};

/// Counts the devices that a condition selects (empty: all) by tags and report. Rows whose members
/// are absent, null or of a wrong type are devices that do not report them.
Outcome<FleetCount> count_fleet(rest::HubClient& hub, std::string_view condition);

/// What the rows say about one release.
Tally tally_of(const std::vector<FleetRow>& rows, const DeployedRelease& release);

struct TallyCount {
  Tally tally = {};
  int queries = 0;
};

/// Counts everybody of the release's product and group, also while it is paused or aborted.
Outcome<TallyCount> count_by_query(rest::HubClient& hub, const DeployedRelease& release);

/// The number of devices that a condition selects.
Outcome<std::int64_t> count_devices_where(rest::HubClient& hub, std::string_view condition);

}  // namespace ota::rollout
