#pragma once

// What a connection of the hub speaks, without sockets: bytes and time go in, bytes come out. The
// connection moves the bytes, so every time-out, split packet and full queue is a unit test without
// sockets or sleeps.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/clock.hpp"

namespace ota::hub {

class ByteProtocol {
 public:
  virtual ~ByteProtocol() = default;

  /// Takes bytes from the peer, in any pieces.
  virtual void feed(Bytes received, Instant now) = 0;

  /// Whether more bytes are welcome; while false the connection leaves them in the socket
  /// (back-pressure).
  virtual bool wants_input() const = 0;

  /// Bytes for the peer, empty if there are none; they stay valid until the next call of feed,
  /// sent, tick or stop.
  virtual Bytes output() = 0;
  virtual void sent(std::size_t size_bytes, Instant now) = 0;

  /// When to call tick(), if nothing happens before.
  virtual std::optional<Instant> deadline() const = 0;
  virtual void tick(Instant now) = 0;

  /// The hub goes down: finish what has begun, then close.
  virtual void stop(Instant now) = 0;

  /// True once the connection must end; output that is still there is sent first, for a short
  /// while.
  virtual bool closing() const = 0;
  /// Why it ends, for the log; never holds tokens.
  virtual std::string_view close_reason() const = 0;

  /// The connection is gone; nothing is called after this.
  virtual void gone() = 0;

  /// Who speaks on this connection from now on, given out once after sent(); the protocol itself is
  /// gone then, without gone().
  virtual std::unique_ptr<ByteProtocol> successor() { return nullptr; }

  /// Called when output appears or closing() becomes true outside feed, sent, tick and stop.
  void on_wake(std::function<void()> wake) { wake_ = std::move(wake); }

 protected:
  void wake() const {
    if (wake_) wake_();
  }

 private:
  std::function<void()> wake_;
};

}  // namespace ota::hub
