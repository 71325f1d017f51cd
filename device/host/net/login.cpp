#include "device/host/net/login.hpp"

#include "base/encoding.hpp"
#include "contract/azure/topics.hpp"

namespace ota::net {

Credential derive_credential(Bytes group_key, std::string_view registration_id) {
  Credential credential;
  credential.key = from_base64(contract::derive_device_key(group_key, registration_id)).value();
  return credential;
}

Login hub_login(std::string_view hub_host, std::string_view device_id, const Credential& credential,
                contract::UnixSeconds expiry, std::string_view client_type) {
  Login login{
      std::string(device_id), contract::hub_user_name(hub_host, device_id, client_type), {}};
  if (!credential.has_certificate()) {
    const std::string resource = std::string(hub_host) + "/devices/" + std::string(device_id);
    login.password = contract::make_hub_sas(resource, credential.key, expiry);
  }
  return login;
}

Login dps_login(std::string_view id_scope, std::string_view registration_id,
                const Credential& credential, contract::UnixSeconds expiry,
                std::string_view client_version) {
  Login login{std::string(registration_id),
              contract::dps_user_name(id_scope, registration_id, client_version),
              {}};
  if (!credential.has_certificate()) {
    const std::string resource =
        std::string(id_scope) + "/registrations/" + std::string(registration_id);
    login.password = contract::make_hub_sas(resource, credential.key, expiry, "registration");
  }
  return login;
}

}  // namespace ota::net
