#include "cloud/hub/core/login.hpp"

#include "cloud/hub/core/tokens.hpp"

namespace ota::hub {

Result<Login, LoginRefusal> DeviceLogin::check(const contract::HubUserName& user,
                                               const Credentials& credentials) const {
  // Modules are not served, so a module's identifier never names anybody.
  if (!user.module_id.empty() || user.device_id.empty() ||
      credentials.client_id != user.device_id) {
    return LoginRefusal::IdentifierRejected;
  }
  if (!is_own_host(settings_.host_names, user.host)) return LoginRefusal::NotAuthorized;
  const auto device = registry_.find(user.device_id);
  if (!device || !device.value() || !device.value()->enabled()) return LoginRefusal::NotAuthorized;
  if (!credentials.password.empty()) return check_token(*device.value(), credentials.password);
  if (credentials.certificate == nullptr || !proves(*device.value(), *credentials.certificate)) {
    return LoginRefusal::NotAuthorized;
  }
  return Login{.id = user.device_id, .expires = std::nullopt};
}

Result<Login, LoginRefusal> DeviceLogin::check_token(const Device& device,
                                                     std::string_view password) const {
  const auto token = contract::parse_hub_sas(password);
  if (!token || has_expired(*token, settings_.now())) return LoginRefusal::NotAuthorized;
  if (!covers(settings_.host_names, token->resource, "devices/" + device.id))
    return LoginRefusal::NotAuthorized;
  if (token->policy.empty()) {
    if (!proves(device, *token)) return LoginRefusal::NotAuthorized;
  } else {
    const auto granted = policies_.grants(Service::Hub, *token, {Right::DeviceConnect});
    if (!granted || !granted.value()) return LoginRefusal::NotAuthorized;
  }
  return Login{.id = device.id, .expires = session_end(*token, settings_.now())};
}

}  // namespace ota::hub
