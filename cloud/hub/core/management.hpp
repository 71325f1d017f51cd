#pragma once

// Automatic device management: which configurations a device belongs to and what they write into
// its desired properties. Evaluated at once with the change that causes it, in the same
// transaction; or, where the settings name a cadence, changes of devices wait for the next cycle,
// while changes of configurations are still evaluated at once. Source: "Automatic device management
// at scale".
//
// Conditions are evaluated by SQL over all devices at a time. All matching configurations are laid
// over each other: the higher priority wins per path, the newer one at equal priority. A device
// gets one patch per evaluation. A desired property that an evaluation writes does not start
// another one.

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/hub/core/twins.hpp"
#include "cloud/hub/query/compiler.hpp"

namespace ota::hub {

class Management {
 public:
  Management(const Database& database, Twins& twins, const Settings& settings);
  ~Management();

  /// What changed of one device.
  struct DeviceChange {
    bool created = false;
    bool tags = false;
    bool desired = false;
    bool reported = false;
  };
  Outcome<Ok> device_changed(const std::string& device_id, DeviceChange change, Notices& notices);

  /// Twins::write, with what follows from it for configurations.
  Outcome<Ok> write_twin(const std::string& device_id, const nlohmann::json& body, Twins::Write how,
                         std::optional<std::string_view> if_match, Notices& notices);

  enum class ConfigurationChange : std::uint8_t { Targets, Priority };
  /// A configuration is new, or its condition or priority changed.
  Outcome<Ok> configuration_changed(const std::string& id, ConfigurationChange change,
                                    Notices& notices);
  /// A configuration is about to go: its devices fall back to the next one.
  Outcome<Ok> configuration_removed(const std::string& id, Notices& notices);

  /// Evaluates the devices that wait for a cycle.
  Outcome<Ok> evaluate_waiting(Notices& notices);

  /// Configurations are read again before the next evaluation. To be called whenever one was
  /// written, or its writing was undone.
  void forget_rules();

  /// {"id":{"status":"Applied"}} of all configurations that target the device.
  Outcome<nlohmann::json> statuses(std::string_view device_id) const;

 private:
  struct Rule;
  struct Plan;

  Outcome<Ok> load_rules();
  Outcome<std::vector<const Rule*>> matching(const std::string& device_id,
                                             const std::vector<const Rule*>& rules) const;
  Outcome<Ok> select_matching(const Rule& rule) const;
  Outcome<Ok> resolve_affected(Notices& notices);
  Outcome<Ok> resolve(const std::string& device_id, const Plan& plan, Notices& notices);
  Plan plan_for(const std::set<std::string>& configuration_ids) const;

  const Database& database_;
  Twins& twins_;
  const Settings& settings_;
  std::vector<std::unique_ptr<Rule>> rules_;  // strongest first
  bool loaded_ = false;
};

/// Checks a target condition. "" targets nothing, "*" everything. Errors: ArgumentInvalid with the
/// position.
Outcome<Ok> check_target_condition(std::string_view condition);

}  // namespace ota::hub
