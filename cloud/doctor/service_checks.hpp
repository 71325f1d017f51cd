#pragma once

// Whether the services accept the keys and let the operator do what the commands do. The requests
// are harmless: they read, or delete what cannot exist.

#include <string>

#include "cloud/doctor/findings.hpp"
#include "cloud/profile/profile.hpp"
#include "cloud/rest/blob_client.hpp"
#include "cloud/rest/dps_client.hpp"
#include "cloud/rest/hub_client.hpp"

namespace ota::doctor {

/// hub.key, hub.rights, hub.configurations, hub.devices.
void check_hub(Findings& findings, rest::HubClient& hub, const std::string& policy,
               const profile::Profile& settings);

/// dps.key, dps.rights.
void check_dps(Findings& findings, rest::DpsClient& dps, const std::string& policy);

struct StorageQuestion {
  std::string account = {};
  std::string container = {};
  enum class Writing { No, ProbeBlob } writing = Writing::No;
};

/// storage.key, storage.container, storage.write.
void check_storage(Findings& findings, rest::BlobClient& blobs, const StorageQuestion& question);

}  // namespace ota::doctor
