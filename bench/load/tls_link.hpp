#pragma once

// A TLS client connection on the raw descriptor of a non-blocking socket: ten thousand of them fit
// into one process.

#include <openssl/ssl.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace ota::bench {

/// Trusts the authority in `ca_file` (PEM) alone. Stops the program with a sentence if it cannot be
/// read.
std::shared_ptr<SSL_CTX> client_context(const std::string& ca_file);

class TlsLink final : public std::enable_shared_from_this<TlsLink> {
 public:
  struct Events {
    std::function<void()> opened;
    std::function<void(std::string_view)> received;
    std::function<void(const std::string& reason)> closed;  // not after close()
  };

  TlsLink(boost::asio::io_context& loop, SSL_CTX* context, Events events);
  ~TlsLink();
  TlsLink(const TlsLink&) = delete;
  TlsLink& operator=(const TlsLink&) = delete;

  /// The server's certificate must carry the endpoint's address.
  void open(const boost::asio::ip::tcp::endpoint& endpoint);
  void send(std::string_view bytes);
  void close();

 private:
  void pump();
  bool handshake();
  void read_all();
  void flush();
  /// Whether to go on; otherwise the link waits for the socket, or has ended.
  bool settle(int returned);
  void wait_for(boost::asio::ip::tcp::socket::wait_type what, bool& waiting);
  void fail(const std::string& reason);

  boost::asio::ip::tcp::socket socket_;
  SSL* ssl_;
  Events events_;
  std::string output_;
  bool open_ = false;
  bool dead_ = false;
  bool inside_ = false;
  bool waits_to_read_ = false;
  bool waits_to_write_ = false;
};

}  // namespace ota::bench
