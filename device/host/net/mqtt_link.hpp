#pragma once

// One MQTT connection over TLS, driven by libmosquitto from the thread that calls pump(). A link is
// used for one connection and then thrown away: no message, token or TLS state of an old connection
// can leak into a new one.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "device/host/net/endpoint.hpp"
#include "device/host/net/login.hpp"
#include "device/host/net/message.hpp"

namespace ota::net {

struct MqttPeer {
  Endpoint endpoint;
  Login login;
  std::optional<Endpoint> proxy;  // SOCKS5
  std::string ca_file;            // PEM; empty: the system's certificates
  std::string cert_file;          // PEM of the client; empty: none
  std::string key_file;
};

namespace link_event {
struct Connected {};
/// The server said no: 4 and 5 mean the credential.
struct Refused {
  int code = 0;
  std::string reason;
};
struct Subscribed {};
struct Message {
  std::string topic;
  std::string payload;
};
struct Lost {
  std::string reason;
};
}  // namespace link_event
using LinkEvent = std::variant<link_event::Connected, link_event::Refused, link_event::Subscribed,
                               link_event::Message, link_event::Lost>;

class MqttLink {
 public:
  MqttLink();
  ~MqttLink();
  MqttLink(const MqttLink&) = delete;
  MqttLink& operator=(const MqttLink&) = delete;

  /// Begins to connect; Connected, Refused or Lost follows. Name look-up blocks within the
  /// resolver's own time-out. The error is a sentence for people: no such host, or an unreadable
  /// certificate file.
  Result<Ok, std::string> open(const MqttPeer& peer);

  /// Subscribed follows.
  void subscribe(const std::vector<std::string>& filters);
  void publish(const Publish& message);

  /// Moves bytes for at most `wait`, and less if something arrives.
  void pump(Duration wait);
  std::vector<LinkEvent> take_events();

  /// Says goodbye and drops the connection.
  void close();

 private:
  struct Client;
  std::unique_ptr<Client> client_;
};

}  // namespace ota::net
