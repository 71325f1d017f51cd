#include "cloud/hub/core/tokens.hpp"

#include <algorithm>
#include <cctype>

#include "base/encoding.hpp"
#include "cloud/hub/core/http_message.hpp"

namespace ota::hub {

namespace {

/// "host:8443" and "[::1]:8443" without the port.
std::string_view without_port(std::string_view host) {
  if (!host.empty() && host.front() == '[') {
    const auto end = host.find(']');
    return end == std::string_view::npos ? host : host.substr(1, end - 1);
  }
  const auto colon = host.find(':');
  if (colon == std::string_view::npos || host.find(':', colon + 1) != std::string_view::npos)
    return host;
  const std::string_view port = host.substr(colon + 1);
  const bool number =
      !port.empty() && port.size() <= 5 &&
      std::all_of(port.begin(), port.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
  return number ? host.substr(0, colon) : host;
}

}  // namespace

bool is_own_host(const std::vector<std::string>& host_names, std::string_view host) {
  const std::string_view name = without_port(host);
  return std::any_of(host_names.begin(), host_names.end(),
                     [&](const std::string& own) { return equal_ignoring_case(own, name); });
}

bool covers(const std::vector<std::string>& host_names, std::string_view resource,
            std::string_view path) {
  const auto slash = resource.find('/');
  if (!is_own_host(host_names, resource.substr(0, slash))) return false;
  std::string_view prefix =
      slash == std::string_view::npos ? std::string_view{} : resource.substr(slash + 1);
  if (!prefix.empty() && prefix.back() == '/') prefix.remove_suffix(1);
  if (prefix.empty()) return true;
  return path.substr(0, prefix.size()) == prefix &&
         (path.size() == prefix.size() || path[prefix.size()] == '/');
}

bool has_expired(const contract::HubSas& token, contract::UnixSeconds now) {
  return token.expiry <= now - kClockToleranceS;
}

bool signed_by(const contract::HubSas& token, std::string_view key_base64) {
  const auto key = from_base64(key_base64);
  return key && !key->empty() && contract::hub_sas_signed_by(token, *key);
}

contract::UnixSeconds session_end(const contract::HubSas& token, contract::UnixSeconds now) {
  return token.expiry > now ? token.expiry : token.expiry + kClockToleranceS;
}

}  // namespace ota::hub
