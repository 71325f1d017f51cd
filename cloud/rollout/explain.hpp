#pragma once

// Why a device is where it is, and what happens next, in words for a person. A function on values:
// what the twin says, what is deployed, and the time.

#include <string>
#include <string_view>
#include <vector>

#include "cloud/rollout/fleet.hpp"
#include "cloud/rollout/release.hpp"
#include "contract/azure/sas.hpp"
#include "contract/status.hpp"

namespace ota::rollout {

struct Explanation {
  std::string state = {};     // stable word for programs; docs/cli.md lists them
  std::string sentence = {};  // where it is, and why
  std::string next = {};      // what happens next, or what to do
  std::string rollout = {};   // the configuration that this is about; empty: none
};

/// What a code means, and what happens next or is to be done.
struct CodeAdvice {
  std::string_view meaning;  // a clause that follows "it ... because"
  std::string_view next;
};
CodeAdvice advice_of(contract::Code code);

/// @param releases  all that is deployed, of any product and group, in any order
Explanation explain(const DeviceState& device, const std::vector<DeployedRelease>& releases,
                    contract::UnixSeconds now);

/// Reads the device and what is deployed, and explains it.
/// @errors Input, NotFound
struct ExplainedDevice {
  DeviceState device = {};
  Explanation explanation = {};
};
Outcome<ExplainedDevice> explain_device(rest::HubClient& hub, std::string_view id,
                                        contract::UnixSeconds now);

}  // namespace ota::rollout
