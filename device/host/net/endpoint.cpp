#include "device/host/net/endpoint.hpp"

#include <charconv>

namespace ota::net {

std::string to_text(const Endpoint& endpoint) {
  const bool is_ipv6 = endpoint.host.find(':') != std::string::npos;
  const std::string host = is_ipv6 ? "[" + endpoint.host + "]" : endpoint.host;
  return host + ":" + std::to_string(endpoint.port);
}

Result<Endpoint, std::string> parse_endpoint(std::string_view text, std::uint16_t default_port) {
  const auto bad = [text](const char* why) {
    return "'" + std::string(text) + "' is not a host: " + why + "; expected host or host:port";
  };
  std::string_view host = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return bad("the bracket is not closed");
    host = text.substr(1, end - 1);
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && !rest.starts_with(':')) return bad("unexpected text after ']'");
    if (!rest.empty()) port = rest.substr(1);
    if (!rest.empty() && port.empty()) return bad("the port is missing");
  } else if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    if (text.find(':', colon + 1) != std::string_view::npos) {
      return bad("an IPv6 address needs brackets");
    }
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (port.empty()) return bad("the port is missing");
  }
  if (host.empty()) return bad("the name is empty");
  for (const char c : host) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == '/' || c == 0x7F) {
      return bad("it contains a character that no host name has");
    }
  }
  if (port.empty()) return Endpoint{std::string(host), default_port};
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc{} || end != port.data() + port.size() || number == 0) {
    return bad("the port must be 1 .. 65535");
  }
  return Endpoint{std::string(host), number};
}

}  // namespace ota::net
