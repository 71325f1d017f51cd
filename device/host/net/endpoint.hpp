#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace ota::net {

inline constexpr std::uint16_t kMqttTlsPort = 8883;

struct Endpoint {
  std::string host;
  std::uint16_t port = 0;
};

/// "host:port", with brackets around an IPv6 address.
std::string to_text(const Endpoint& endpoint);

/// Reads "host", "host:port", "[v6]" or "[v6]:port". The error is a sentence for people.
Result<Endpoint, std::string> parse_endpoint(std::string_view text, std::uint16_t default_port);

}  // namespace ota::net
