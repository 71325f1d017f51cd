#include "cloud/hub/core/policies.hpp"

#include <array>

#include "cloud/hub/core/secrets.hpp"
#include "cloud/hub/core/tokens.hpp"

namespace ota::hub {

namespace {

constexpr unsigned bit(Right right) { return static_cast<unsigned>(right); }

std::string_view name_of(Service service) { return service == Service::Hub ? "hub" : "dps"; }

struct Default {
  Service service;
  const char* name;
  unsigned rights;
};
constexpr std::array kDefaults = {
    Default{Service::Hub, "iothubowner",
            bit(Right::RegistryRead) | bit(Right::RegistryWrite) | bit(Right::ServiceConnect) |
                bit(Right::DeviceConnect)},
    Default{Service::Hub, "service", bit(Right::ServiceConnect)},
    Default{Service::Hub, "device", bit(Right::DeviceConnect)},
    Default{Service::Hub, "registryRead", bit(Right::RegistryRead)},
    Default{Service::Hub, "registryReadWrite",
            bit(Right::RegistryRead) | bit(Right::RegistryWrite)},
    Default{Service::Dps, "provisioningserviceowner",
            bit(Right::EnrollmentRead) | bit(Right::EnrollmentWrite)},
};

}  // namespace

Outcome<Ok> Policies::create_defaults() {
  for (const Default& policy : kDefaults) {
    OTA_TRY(database_.execute(
        "INSERT OR IGNORE INTO policy (service, name, rights, primary_key, secondary_key)"
        " VALUES (?1, ?2, ?3, ?4, ?5)",
        {name_of(policy.service), policy.name, static_cast<int>(policy.rights), random_key(),
         random_key()}));
  }
  return Ok{};
}

Outcome<bool> Policies::grants(Service service, const contract::HubSas& token,
                               std::initializer_list<Right> any_of) const {
  OTA_TRY(
      auto row,
      database_.query(
          "SELECT rights, primary_key, secondary_key FROM policy WHERE service = ?1 AND name = ?2",
          {name_of(service), token.policy}));
  OTA_TRY(const bool known, row.step());
  if (!known) return false;
  unsigned wanted = 0;
  for (const Right right : any_of) wanted |= bit(right);
  if ((static_cast<unsigned>(row.integer(0)) & wanted) == 0) return false;
  return signed_by(token, row.text(1)) || signed_by(token, row.text(2));
}

Outcome<std::string> Policies::primary_key(Service service, std::string_view name) const {
  OTA_TRY(auto row,
          database_.query("SELECT primary_key FROM policy WHERE service = ?1 AND name = ?2",
                          {name_of(service), name}));
  OTA_TRY(const bool known, row.step());
  if (!known)
    return Failure{code::kServerError, "the hub's state has no policy called " + std::string(name)};
  return row.text(0);
}

}  // namespace ota::hub
