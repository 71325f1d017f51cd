#pragma once

// All parts of the hub's decisions, wired together. Handlers of the service REST take this.

#include <string>
#include <unordered_map>

#include "cloud/hub/core/change_group.hpp"
#include "cloud/hub/core/configurations.hpp"
#include "cloud/hub/core/core.hpp"
#include "cloud/hub/core/enrollments.hpp"
#include "cloud/hub/core/events.hpp"
#include "cloud/hub/core/jobs.hpp"
#include "cloud/hub/core/links.hpp"
#include "cloud/hub/core/login.hpp"
#include "cloud/hub/core/management.hpp"
#include "cloud/hub/core/messages.hpp"
#include "cloud/hub/core/methods.hpp"
#include "cloud/hub/core/policies.hpp"
#include "cloud/hub/core/provisioning.hpp"
#include "cloud/hub/core/registry.hpp"
#include "cloud/hub/core/throttle.hpp"
#include "cloud/hub/core/twins.hpp"
#include "cloud/hub/state/database.hpp"

namespace ota::hub {

/// Of the system's clock: greater in each hub that starts on one state. JSON keeps it exact.
std::uint64_t microseconds_now();

struct Hub {
  Hub(Settings with, Database opened) : settings(std::move(with)), database(std::move(opened)) {}
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  std::string now_text() const { return contract::to_iso8601(settings.now()); }

  Settings settings;
  Database database;
  Events events{settings.now, microseconds_now()};
  Links links{events};
  // Bookkeeping that is not yet written: times of last messages, and who came (true) or went. One
  // transaction for all of it costs a storm of ten thousand connections less than one for each.
  std::unordered_map<std::string, contract::UnixSeconds> activity;
  std::unordered_map<std::string, bool> connections;
  Methods methods{links, settings};
  Messages messages{database, links, settings};
  Policies policies{database};
  Throttle throttle{settings};
  Registry registry{database, settings};
  DeviceLogin device_login{registry, policies, settings};
  Twins twins{database, settings};
  Management management{database, twins, settings};
  ChangeGroup changes{database, links, settings.commit_soon};
  Jobs jobs{{database, settings, throttle, management, methods}};
  Configurations configurations{database, management, settings};
  Enrollments enrollments{database, settings};
  Provisioning provisioning{{database, settings, enrollments, registry, twins, management}};
};

/// Makes a fresh state complete: policies, id scope, the default enrollment group.
Outcome<Ok> prepare_state(Hub& hub);

/// The enrollment group that a fresh hub has.
inline constexpr std::string_view kDefaultEnrollmentGroup = "devices";

/// A value that was made on first start.
Outcome<std::string> read_setting(const Database& database, std::string_view name);

/// What events say of a device that connects; empty if there is none.
Connected facts_of(const Hub& hub, std::string_view device_id);

/// A device's message to the cloud, wherever it came in. `properties` is an encoded bag. `sender`
/// counts where the device has no connection, as over HTTPS.
void take_telemetry(Hub& hub, const std::string& device_id, std::string_view properties,
                    std::string_view payload, Connected sender = {});

/// Evaluates the devices that wait for a cycle, and counts all metrics.
Outcome<Ok> evaluate_cycle(Hub& hub);

/// Writes down the last messages of devices and their connections. What cannot be written, as on a
/// full disk, stays and is tried again.
Outcome<Ok> write_activity(Hub& hub);

/// "host" or "host:port" when the port is not the protocol's own.
std::string host_with_port(const Settings& settings, std::uint16_t port,
                           std::uint16_t standard_port);

}  // namespace ota::hub
