#include "cloud/hub/net/listener.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>
#include <vector>

namespace ota::hub {
namespace {

using boost::asio::ip::tcp;
constexpr std::chrono::milliseconds kAcceptPause{200};
// When none of the handshakes ends for that long, their clients are silent, and so many others may
// begin: silent clients cannot bar the door.
constexpr std::size_t kHandshakesMore = 64;

std::string cannot_listen(const Listener::Address& address, const boost::system::error_code& code) {
  const std::string where = address.host + ":" + std::to_string(address.port);
  if (code == boost::asio::error::address_in_use) {
    return "port " + where + " is taken by another program; stop it, or choose another with " +
           address.port_option;
  }
  if (code == boost::asio::error::access_denied) {
    return "not allowed to listen on " + where +
           "; ports below 1024 need CAP_NET_BIND_SERVICE, or choose another with " +
           address.port_option;
  }
  return "cannot listen on " + where + ": " + code.message();
}

}  // namespace

Listener::Listener(boost::asio::io_context& loop, const TlsContext* tls,
                   ProtocolFactory make_protocol)
    : loop_(loop),
      acceptor_(loop),
      pause_(loop),
      tls_(tls),
      make_protocol_([this, make = std::move(make_protocol)](PeerInfo peer, Instant now) {
        auto protocol = make(std::move(peer), now);
        handshake_over();
        return protocol;
      }) {}

Result<std::unique_ptr<Listener>, std::string> Listener::open(boost::asio::io_context& loop,
                                                              const Address& address,
                                                              const TlsContext* tls,
                                                              ProtocolFactory make_protocol) {
  boost::system::error_code code;
  const auto host = boost::asio::ip::make_address(address.host, code);
  if (code)
    return "'" + address.host +
           "' is no IP address; use for instance --listen 127.0.0.1 or --listen 0.0.0.0";
  const tcp::endpoint endpoint(host, address.port);
  std::unique_ptr<Listener> listener(new Listener(loop, tls, std::move(make_protocol)));
  listener->share_.handshake_timeout = address.handshake_timeout;
  tcp::acceptor& acceptor = listener->acceptor_;
  acceptor.open(endpoint.protocol(), code);
  if (!code) acceptor.set_option(tcp::acceptor::reuse_address(true), code);
  if (!code) acceptor.bind(endpoint, code);
  if (!code) acceptor.listen(boost::asio::socket_base::max_listen_connections, code);
  if (!code) listener->port_ = acceptor.local_endpoint(code).port();
  if (code) return cannot_listen(address, code);
  return listener;
}

void Listener::accept_next() {
  if (handshakes_left_ == 0) return wait_for_handshakes();
  acceptor_.async_accept([this](boost::system::error_code code, tcp::socket socket) {
    if (stopped_) return;
    if (code == boost::asio::error::connection_aborted) return accept_next();
    if (code) return pause_after(code.message());
    accepted(std::move(socket));
    accept_next();
  });
}

/// Out of descriptors or memory: waiting lets some connection end, trying again at once would only
/// burn the processor.
void Listener::pause_after(const std::string& reason) {
  spdlog::warn("cannot take a connection: {}; the limit of open files may be too low (ulimit -n)",
               reason);
  pause_.expires_after(kAcceptPause);
  pause_.async_wait([this](boost::system::error_code code) {
    if (!code && !stopped_) accept_next();
  });
}

void Listener::wait_for_handshakes() {
  waits_for_handshakes_ = true;
  pause_.expires_after(kAcceptPause);
  pause_.async_wait([this](boost::system::error_code code) {
    if (code || stopped_ || !std::exchange(waits_for_handshakes_, false)) return;
    handshakes_left_ = kHandshakesMore;
    accept_next();
  });
}

/// Well or not.
void Listener::handshake_over() {
  handshakes_left_ = std::min(handshakes_left_ + 1, kHandshakesMax);
  if (stopped_ || !std::exchange(waits_for_handshakes_, false)) return;
  pause_.cancel();
  accept_next();
}

void Listener::accepted(tcp::socket socket) {
  boost::system::error_code code;
  socket.native_non_blocking(true, code);
  if (!code) socket.set_option(tcp::no_delay(true), code);
  if (code) return;
  std::unique_ptr<Channel> channel = tls_ != nullptr ? tls_->accept(socket.native_handle())
                                                     : plain_channel(socket.native_handle());
  if (!channel) return spdlog::error("no memory for another TLS connection");
  auto connection = std::make_shared<Connection>(
      std::move(socket), std::move(channel), make_protocol_, share_,
      [this](const std::shared_ptr<Connection>& gone) { forget(gone); });
  --handshakes_left_;
  connections_.insert(connection);
  connection->start();
}

void Listener::forget(const std::shared_ptr<Connection>& connection) {
  if (!connection->opened()) handshake_over();
  connections_.erase(connection);
  if (ended_ && connections_.empty()) boost::asio::post(loop_, std::exchange(ended_, nullptr));
}

void Listener::stop(std::function<void()> ended) {
  if (std::exchange(stopped_, true)) return;
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  if (connections_.empty()) return boost::asio::post(loop_, std::move(ended));
  ended_ = std::move(ended);
  const std::vector<std::shared_ptr<Connection>> connections(connections_.begin(),
                                                             connections_.end());
  for (const auto& connection : connections) connection->stop();
}

}  // namespace ota::hub
