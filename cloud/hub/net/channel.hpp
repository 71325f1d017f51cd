#pragma once

// Bytes over a connected, non-blocking socket, plain or with TLS on the raw descriptor. Nothing
// here waits: who gets WantRead or WantWrite waits for the socket and calls again.

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "cloud/hub/core/core.hpp"

struct ssl_ctx_st;

namespace ota::hub {

enum class Progress : std::uint8_t { Done, WantRead, WantWrite, Closed, Failed };

struct Transfer {
  Progress progress = Progress::Failed;
  std::size_t size_bytes = 0;  // with Done
  bool more = true;            // after a read: another one may find bytes without waiting
};

class Channel {
 public:
  virtual ~Channel() = default;
  virtual Progress handshake() = 0;
  virtual Transfer read(MutableBytes into) = 0;
  virtual Transfer write(Bytes from) = 0;
  virtual void say_goodbye() = 0;
  /// After the handshake.
  virtual std::optional<ClientCertificate> client_certificate() = 0;
  /// Why the last call failed, for the log.
  virtual std::string failure() const = 0;
};

/// Certificates and rules for TLS connections: TLS 1.2 or later, client certificates asked for but
/// not required.
class TlsContext {
 public:
  struct Files {
    std::string certificate_chain;
    std::string key;
    std::string device_authorities;  // PEM; certificates of devices that lead here are "valid".
                                     // Empty: none are.
  };

  static Result<TlsContext, std::string> load(const Files& files);

  /// When the server certificate ends.
  contract::UnixSeconds certificate_end() const;

  /// TLS on this descriptor, which stays the caller's. Nothing if OpenSSL has no memory.
  std::unique_ptr<Channel> accept(int descriptor) const;

 private:
  explicit TlsContext(std::shared_ptr<ssl_ctx_st> context) : context_(std::move(context)) {}
  std::shared_ptr<ssl_ctx_st> context_;
};

std::unique_ptr<Channel> plain_channel(int descriptor);

}  // namespace ota::hub
