#pragma once

// A server on a free loopback port that answers each connection from a script. For tests of the
// transport only.

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/bytes.hpp"

namespace ota::net {

/// One accepted connection; plain or TLS.
class LoopbackPeer {
 public:
  virtual ~LoopbackPeer() = default;
  /// Reads up to the blank line of a request; empty when the client has gone.
  virtual std::string read_request() = 0;
  virtual bool write(std::string_view bytes) = 0;
  /// Reads what is there, at least one byte; empty when the client has gone.
  virtual std::string read_bytes() = 0;
  /// Blocks until the client has closed the connection.
  virtual void wait_for_close() = 0;
  virtual void close() = 0;
};

class LoopbackServer {
 public:
  /// Called once for each HTTP request, or once for each connection in Raw mode.
  using Script = std::function<void(LoopbackPeer&)>;
  enum class Mode : std::uint8_t { Http, Raw };

  /// Plain TCP.
  explicit LoopbackServer(Script script);

  /// TLS with a self-signed certificate for 127.0.0.1, valid from `valid_from_s` seconds from now.
  LoopbackServer(Script script, long valid_from_s, Mode mode = Mode::Http);
  ~LoopbackServer();
  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  int port() const { return port_; }
  std::string url(const std::string& path) const;
  /// PEM of the certificate, which is its own authority.
  const std::string& certificate() const { return certificate_; }
  std::vector<std::string> requests() const;

 private:
  void listen();
  void serve();

  Script script_;
  Mode mode_ = Mode::Http;
  int listener_ = -1;
  int port_ = 0;
  std::string certificate_;
  void* tls_ = nullptr;  // SSL_CTX; made after certificate_, which it fills
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

}  // namespace ota::net
