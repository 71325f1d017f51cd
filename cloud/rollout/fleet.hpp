#pragma once

// The devices as an operator sees them: who they are, where they belong, what they report.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/rest/hub_client.hpp"
#include "cloud/rollout/failure.hpp"
#include "contract/json/report_json.hpp"

namespace ota::rollout {

/// Names of the tags that say where a device belongs.
namespace tag {
inline constexpr const char* kProduct = "productType";
inline constexpr const char* kGroup = "deviceGroup";
}  // namespace tag

struct DeviceState {
  std::string id = {};
  std::string etag = {};              // of the twin; devices' reports do not change it
  std::string product = {};           // tag productType; empty: none
  std::string group = {};             // tag deviceGroup
  std::string status = {};            // enabled, disabled
  std::string connection_state = {};  // Connected, Disconnected
  std::string last_activity = {};     // ISO 8601
  contract::ReportView report = {};   // reported extFwInfo; members are absent until it reports
  std::optional<std::uint32_t> wanted_version = {};  // desired extFwInfo
};

/// Reads a service twin; members of a wrong type count as absent. Nothing if it has no device id.
std::optional<DeviceState> read_device(std::string_view twin_json);

/// Which devices; empty texts mean any.
struct DeviceFilter {
  std::string product = {};
  std::string group = {};
};

/// What they report; the hub looks for it, so that only these are sent.
struct ReportFilter {
  std::string status = {};                          // "error", ...; empty: any
  std::optional<std::uint32_t> version = {};        // runs this one
  std::optional<std::uint32_t> other_version = {};  // runs another one, or never said
};

/// @errors Input: a product or group that no tag can have
Outcome<std::vector<DeviceState>> list_devices(rest::HubClient& hub, const DeviceFilter& filter,
                                               const ReportFilter& report = {});

/// @errors NotFound
Outcome<DeviceState> show_device(rest::HubClient& hub, std::string_view id);

/// Puts a device into a product and group (an empty text leaves that tag as it is). Changes that
/// others make to its twin meanwhile stay.
/// @errors Input, NotFound. Conflict: somebody else moved it at the same moment.
Outcome<DeviceState> tag_device(rest::HubClient& hub, std::string_view id,
                                const DeviceFilter& tags);

/// Creates an identity with its tags.
/// @returns the identity with its key: a secret
/// @errors Input, Conflict: the id exists
Outcome<rest::DeviceIdentity> create_device(rest::HubClient& hub, std::string_view id,
                                            const DeviceFilter& tags);

/// Deletes the identity that is there now, and no other one of this id.
/// @errors Input, NotFound. Conflict: somebody else changed it at the same moment.
Outcome<Ok> delete_device(rest::HubClient& hub, std::string_view id);

/// @errors Input: a product or group that no tag can have; empty texts pass
Outcome<Ok> check_tags(const DeviceFilter& tags);

}  // namespace ota::rollout
