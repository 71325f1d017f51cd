#include "cloud/doctor/doctor.hpp"

#include <vector>

#include "cloud/doctor/network_checks.hpp"
#include "cloud/doctor/profile_checks.hpp"
#include "cloud/doctor/service_checks.hpp"

namespace ota::doctor {
namespace {

constexpr const char* kProvisioningHost = "global.azure-devices-provisioning.net";
constexpr const char* kMqttPort = ":8883";
/// Nobody waits a minute for a diagnosis.
constexpr int kConnectTimeoutS = 5;

std::string with_port(const std::string& host) {
  return host.find(':') == std::string::npos ? host + kMqttPort : host;
}

/// The checks that need a network, in the order in which one explains the next.
class Rounds {
 public:
  Rounds(Findings& findings, const Patient& patient, const profile::Profile& settings,
         Connections connections, rest::ClientSetup setup)
      : findings_(findings),
        patient_(patient),
        settings_(settings),
        connections_(std::move(connections)),
        setup_(std::move(setup)) {}

  void make() {
    const bool hub = reach("hub", connections_.hub ? hub_origin(*connections_.hub) : "");
    const bool dps = reach("dps", connections_.dps ? hub_origin(*connections_.dps) : "");
    const bool storage =
        reach("storage",
              connections_.storage ? rest::origin_of(connections_.storage->blob_endpoint) : "");
    check_clock(findings_, clocks(hub, dps, storage), setup_.http, setup_.now);
    hub ? ask_hub() : skip({"hub.key", "hub.rights", "hub.configurations", "hub.devices"});
    dps ? ask_dps() : skip({"dps.key", "dps.rights"});
    storage ? ask_storage() : skip({"storage.key", "storage.container", "storage.write"});
    look_at_device_side();
  }

 private:
  static std::string hub_origin(const contract::HubConnection& connection) {
    return "https://" + connection.host_name;
  }

  bool reach(const std::string& area, const std::string& origin) {
    if (!origin.empty()) {
      return check_endpoint(findings_, area, origin, setup_.http, setup_.now());
    }
    findings_.skipped(area + ".address", "no connection string says where it is");
    return false;
  }

  void skip(const std::vector<const char*>& checks) {
    for (const char* check : checks) findings_.skipped(check, "the service cannot be reached");
  }

  std::vector<std::string> clocks(bool hub, bool dps, bool storage) const {
    std::vector<std::string> out;
    if (hub) out.push_back(hub_origin(*connections_.hub) + "/devices/clock?api-version=2021-04-12");
    if (storage) out.push_back(connections_.storage->blob_endpoint + "/?comp=list");
    if (dps) {
      out.push_back(hub_origin(*connections_.dps) + "/enrollments/clock?api-version=2021-10-01");
    }
    return out;
  }

  void ask_hub() {
    rest::HubClient hub(*connections_.hub, setup_);
    check_hub(findings_, hub, connections_.hub->policy, settings_);
  }

  void ask_dps() {
    rest::DpsClient dps(*connections_.dps, setup_);
    check_dps(findings_, dps, connections_.dps->policy);
  }

  void ask_storage() {
    rest::BlobClient blobs(*connections_.storage, setup_);
    using Writing = StorageQuestion::Writing;
    check_storage(findings_, blobs,
                  {.account = connections_.storage->account,
                   .container = patient_.container,
                   .writing = patient_.may_write ? Writing::ProbeBlob : Writing::No});
  }

  /// What devices need: their endpoints (MQTT over TLS) and the id scope.
  void look_at_device_side() {
    const bool local = settings_.kind == profile::Kind::Local;
    if (!local && connections_.hub) devices("devices", connections_.hub->host_name);
    if (settings_.dps_host.empty() && !connections_.dps && settings_.id_scope.empty()) {
      findings_.skipped("provisioning.id_scope", "no Device Provisioning Service is named");
      return;
    }
    if (settings_.id_scope.empty()) {
      findings_.warning("provisioning.id_scope", "the profile does not say the id scope",
                        "devices need it: put id_scope into the profile (az iot dps show)");
    } else {
      findings_.ok("provisioning.id_scope", settings_.id_scope);
    }
    // The local hub's devices talk to the same endpoint.
    devices("provisioning", settings_.dps_host.empty() ? kProvisioningHost : settings_.dps_host);
  }

  void devices(const std::string& area, const std::string& host) {
    check_endpoint(findings_, area, "https://" + with_port(host), setup_.http, setup_.now());
  }

  Findings& findings_;
  const Patient& patient_;
  const profile::Profile& settings_;
  Connections connections_;
  rest::ClientSetup setup_;
};

}  // namespace

void examine(Findings& findings, const Patient& patient, const rest::ClientSetup& setup) {
  profile::Profile settings = patient.settings;
  if (patient.profile_path.empty()) {
    findings.ok("profile.file", "none; the connection strings come from the environment");
    findings.skipped("profile.mode", "there is no file");
  } else if (auto read = check_file(findings, patient.profile_path)) {
    settings = std::move(*read);
  } else {
    // Nothing says where to look, but what is missing is listed all the same.
    findings.skipped("hub.address", "the profile cannot be used");
    findings.skipped("dps.address", "the profile cannot be used");
    findings.skipped("storage.address", "the profile cannot be used");
    return;
  }
  if (!patient.ca_file.empty()) settings.ca_file = patient.ca_file;
  Connections connections = check_connections(findings, settings);
  check_ca_file(findings, settings.ca_file);
  rest::ClientSetup own = setup;
  own.http = {.ca_file = settings.ca_file, .connect_timeout_s = kConnectTimeoutS};
  own.retry.tries_max = 2;
  Rounds(findings, patient, settings, std::move(connections), own).make();
}

}  // namespace ota::doctor
