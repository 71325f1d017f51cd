#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "device/host/agent/config.hpp"
#include "device/host/net/dps_session.hpp"
#include "device/host/net/login.hpp"

namespace ota::agent {

/// The way to the cloud with all secrets read: through DPS, or straight to a hub.
struct CloudAccess {
  std::string dps_host;  // empty: the hub is fixed
  std::string id_scope;
  std::string registration_id;
  net::Assignment fixed;     // if there is no DPS
  std::string gateway_host;  // TCP and TLS go here instead of to the hub
  net::Credential credential;
  std::string ca_file;
  NetworkConfig network;
  Duration sas_lifetime = std::chrono::hours(1);

  bool uses_dps() const noexcept { return !dps_host.empty(); }

  /// What to look at when the server refuses the login; it does not say which part is wrong.
  std::string login_advice(bool at_dps) const;

  /// What a cached assignment must have been made for.
  std::string registration() const { return dps_host + "/" + id_scope + "/" + registration_id; }
};

/// Reads the secrets that the configuration names, or the connection string of the environment.
/// Errors are sentences for people and never contain a secret.
Result<CloudAccess, std::string> resolve_access(const Config& config);

}  // namespace ota::agent
