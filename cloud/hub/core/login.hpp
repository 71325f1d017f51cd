#pragma once

// Who may open a device connection.
// Source: "Control access to IoT Hub with shared access signatures"; "Authenticate identities with
// X.509 certificates".

#include "cloud/hub/core/core.hpp"
#include "cloud/hub/core/policies.hpp"
#include "cloud/hub/core/registry.hpp"

namespace ota::hub {

class DeviceLogin {
 public:
  DeviceLogin(const Registry& registry, const Policies& policies, const Settings& settings)
      : registry_(registry), policies_(policies), settings_(settings) {}

  Result<Login, LoginRefusal> check(const contract::HubUserName& user,
                                    const Credentials& credentials) const;

 private:
  Result<Login, LoginRefusal> check_token(const Device& device, std::string_view password) const;

  const Registry& registry_;
  const Policies& policies_;
  const Settings& settings_;
};

}  // namespace ota::hub
