#pragma once

// Whether a shared access signature was made by one of our keys, for this hub, for this path, and
// is still valid.

#include <string>
#include <string_view>
#include <vector>

#include "contract/azure/sas.hpp"

namespace ota::hub {

/// Microsoft refuses clocks that are more than about five minutes off; an expired token is taken
/// for as long.
inline constexpr contract::UnixSeconds kClockToleranceS = 300;

/// Whether the text is one of our names, with or without a port.
bool is_own_host(const std::vector<std::string>& host_names, std::string_view host);

/// Whether a token's resource ("host/devices/d1", decoded) names this hub and is a prefix, by path
/// segment, of the path
/// ("devices/d1", no slash in front).
bool covers(const std::vector<std::string>& host_names, std::string_view resource,
            std::string_view path);

bool has_expired(const contract::HubSas& token, contract::UnixSeconds now);

/// Whether the key (base64) signed the token; an empty or malformed key signs nothing.
bool signed_by(const contract::HubSas& token, std::string_view key_base64);

/// When a connection that this token opened must end.
contract::UnixSeconds session_end(const contract::HubSas& token, contract::UnixSeconds now);

}  // namespace ota::hub
