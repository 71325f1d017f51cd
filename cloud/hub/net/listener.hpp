#pragma once

// A listening socket and the connections that came in through it.

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>

#include "base/result.hpp"
#include "cloud/hub/net/connection.hpp"

namespace ota::hub {

/// Handshakes that may be under way. When ten thousand devices come back at once, a few finish at a
/// time and the others wait unaccepted; else all of them would run into the time-out together,
/// again and again.
inline constexpr std::size_t kHandshakesMax = 256;

class Listener {
 public:
  struct Address {
    std::string host;         // numeric
    std::uint16_t port = 0;   // 0: any free one
    std::string port_option;  // what a person changes when the port is taken
    std::chrono::milliseconds handshake_timeout = kHandshakeTimeout;
  };

  /// `tls` may be null: plain connections. Errors are sentences for people.
  static Result<std::unique_ptr<Listener>, std::string> open(boost::asio::io_context& loop,
                                                             const Address& address,
                                                             const TlsContext* tls,
                                                             ProtocolFactory make_protocol);

  std::uint16_t port() const { return port_; }
  std::size_t connections() const { return connections_.size(); }
  void start() { accept_next(); }

  /// Takes no more connections and asks those that are there to end; `ended` is called when none is
  /// left.
  void stop(std::function<void()> ended);

 private:
  Listener(boost::asio::io_context& loop, const TlsContext* tls, ProtocolFactory make_protocol);
  void accept_next();
  void accepted(Connection::Socket socket);
  void forget(const std::shared_ptr<Connection>& connection);
  void pause_after(const std::string& reason);
  void wait_for_handshakes();
  void handshake_over();

  boost::asio::io_context& loop_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  const TlsContext* tls_;
  ProtocolFactory make_protocol_;
  ConnectionShare share_;
  std::unordered_set<std::shared_ptr<Connection>> connections_;
  std::uint16_t port_ = 0;
  std::size_t handshakes_left_ = kHandshakesMax;
  bool waits_for_handshakes_ = false;
  bool stopped_ = false;
  std::function<void()> ended_;
};

}  // namespace ota::hub
