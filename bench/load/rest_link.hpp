#pragma once

// An HTTPS connection of an operator with the hub's service REST, kept open; one request at a time.

#include <openssl/ssl.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "bench/load/fleet.hpp"
#include "bench/load/tls_link.hpp"

namespace ota::bench {

class RestLink {
 public:
  /// Status 0: the connection ended without an answer.
  using Answered = std::function<void(int status)>;

  RestLink(boost::asio::io_context& loop, SSL_CTX* context, const Target& target);
  ~RestLink() { link_->close(); }

  struct Request {
    std::string_view method;
    std::string path;
    std::string body;
  };
  void ask(const Request& request, Answered answered);
  bool ended() const { return ended_; }

 private:
  void received(std::string_view bytes);
  void answer(int status);

  std::string host_;
  std::string authorization_;
  std::string input_;
  Answered answered_;
  bool ended_ = false;
  std::shared_ptr<TlsLink> link_;
};

}  // namespace ota::bench
