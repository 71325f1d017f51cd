#pragma once

// Whether the profile can be used, before anything is sent.

#include <optional>
#include <string>

#include "cloud/doctor/findings.hpp"
#include "cloud/profile/profile.hpp"
#include "contract/azure/connection_string.hpp"

namespace ota::doctor {

/// What the connection strings of a profile (or of the environment) name; nothing where one is
/// missing or malformed.
struct Connections {
  std::optional<contract::HubConnection> hub = {};
  std::optional<contract::HubConnection> dps = {};
  std::optional<contract::StorageConnection> storage = {};
};

/// profile.file, profile.mode. Nothing if the file cannot be used.
std::optional<profile::Profile> check_file(Findings& findings, const std::string& path);

/// profile.hub, profile.storage, profile.dps: present, well-formed, with keys that decode.
Connections check_connections(Findings& findings, const profile::Profile& settings);

/// profile.ca: the file of certificates to trust, where one is named.
void check_ca_file(Findings& findings, const std::string& path);

}  // namespace ota::doctor
