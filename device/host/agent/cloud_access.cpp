#include "device/host/agent/cloud_access.hpp"

#include <cstdlib>
#include <utility>

#include "base/encoding.hpp"
#include "contract/azure/connection_string.hpp"
#include "device/host/agent/secret_file.hpp"
#include "device/host/net/endpoint.hpp"

namespace ota::agent {
namespace {

Result<Secret, std::string> connection_string(const Config& config) {
  if (const char* text = std::getenv(kConnectionStringVariable)) return Secret{text};
  return read_secret(config.connection_string_file);
}

Result<Ok, std::string> use_connection_string(const Config& config, CloudAccess& access) {
  OTA_TRY(const Secret secret, connection_string(config));
  OTA_TRY(auto hub, contract::parse_hub_connection(secret.text));
  if (hub.device_id.empty()) {
    return std::string(
        "the connection string has no DeviceId: give the one of a device, not of a service");
  }
  if (!config.device_id.empty() && config.device_id != hub.device_id) {
    return "identity.device_id is '" + config.device_id + "', but the connection string is for '" +
           hub.device_id + "'";
  }
  OTA_TRY(net::parse_endpoint(hub.host_name, net::kMqttTlsPort));
  access.fixed = {hub.host_name, hub.device_id};
  access.gateway_host = hub.gateway_host_name;
  if (hub.x509) {
    if (config.cert_file.empty()) {
      return std::string("the connection string says x509=true: give tls.cert and tls.key");
    }
  } else {
    access.credential.key = std::move(hub.key);
  }
  return Ok{};
}

Result<Ok, std::string> use_dps(const Config& config, CloudAccess& access) {
  const DpsConfig& dps = *config.dps;
  access.dps_host = dps.host;
  access.id_scope = dps.id_scope;
  access.registration_id = config.device_id;
  if (!dps.group_key_file.empty()) {
    OTA_TRY(const auto key, read_key(dps.group_key_file));
    access.credential = net::derive_credential(key, config.device_id);
  } else if (!dps.key_file.empty()) {
    OTA_TRY(access.credential.key, read_key(dps.key_file));
  } else if (!dps.group_key.empty()) {
    const auto key = from_base64(dps.group_key);
    if (!key || key->empty()) return std::string("the profile's group key is not base64");
    access.credential = net::derive_credential(*key, config.device_id);
  }
  return Ok{};
}

}  // namespace

std::string CloudAccess::login_advice(bool at_dps) const {
  const std::string proof = credential.has_certificate() ? "certificate" : "key";
  if (!at_dps) return "check the device's " + proof + " and that the hub has not disabled it";
  return "check dps.id_scope ('" + id_scope + "'), the " + proof + " for '" + registration_id +
         "' and that its enrollment exists and is enabled";
}

Result<CloudAccess, std::string> resolve_access(const Config& config) {
  CloudAccess access;
  access.ca_file = config.ca_file;
  access.sas_lifetime = config.sas_lifetime;
  access.network = config.network;
  OTA_TRY(config.dps ? use_dps(config, access) : use_connection_string(config, access));
  if (access.credential.key.empty()) {
    OTA_TRY(check_secret(config.key_file));
    access.credential.cert_file = config.cert_file;
    access.credential.key_file = config.key_file;
  }
  return access;
}

}  // namespace ota::agent
