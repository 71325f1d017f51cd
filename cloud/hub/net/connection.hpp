#pragma once

// Moves bytes between one socket and the protocol spoken on it: handshake, back-pressure,
// deadlines, orderly end. Life: handshake -> open -> draining (output is sent, input dropped) ->
// lingering (wait for the peer's end) -> gone.

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "cloud/hub/net/channel.hpp"
#include "cloud/hub/stream/byte_protocol.hpp"

namespace ota::hub {

inline constexpr std::chrono::seconds kHandshakeTimeout{20};
inline constexpr std::chrono::seconds kDrainTimeout{10};
inline constexpr std::chrono::seconds kLingerTimeout{2};

/// Time since the process started, steady.
Instant steady_now();

struct PeerInfo {
  std::optional<ClientCertificate> certificate;
  std::string address;
};

using ProtocolFactory = std::function<std::unique_ptr<ByteProtocol>(PeerInfo, Instant)>;

/// What connections share: one buffer to read into, since each read is handed over before the next
/// begins.
struct ConnectionShare {
  std::chrono::milliseconds handshake_timeout = kHandshakeTimeout;
  std::vector<std::byte> read_buffer = std::vector<std::byte>(64 * 1024);
};

class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  using Ended = std::function<void(const std::shared_ptr<Connection>&)>;
  using Socket = boost::asio::ip::tcp::socket;

  /// `share` and `make_protocol` outlive the connection. The socket is non-blocking.
  Connection(Socket socket, std::unique_ptr<Channel> channel, const ProtocolFactory& make_protocol,
             ConnectionShare& share, Ended ended);

  void start();
  /// Whether the handshake came to its end.
  bool opened() const { return protocol_ != nullptr; }

  /// Finishes what has begun, then closes.
  void stop();

 private:
  enum class Stage : std::uint8_t { Handshake, Open, Draining, Lingering, Gone };
  enum class Wait : std::uint8_t { Read, Write };

  void pump();
  void pump_guarded();
  void step_handshake();
  void speak(std::unique_ptr<ByteProtocol> protocol);
  void exchange();
  bool read_some();
  bool write_some();
  void note(Progress progress, bool& wait_read, bool& wait_write);
  void drain();
  void begin_linger();
  void linger();
  void finish(const std::string& why);
  void arm_waits();
  void arm_timer();
  void on_timer();
  std::optional<Instant> next_deadline() const;
  void post_pump();
  void wait_for(Wait what, bool& armed);

  Socket socket_;
  boost::asio::steady_timer timer_;
  std::unique_ptr<Channel> channel_;
  std::unique_ptr<ByteProtocol> protocol_;
  const ProtocolFactory& make_protocol_;
  ConnectionShare& share_;
  Ended ended_;
  std::string address_;

  Stage stage_ = Stage::Handshake;
  std::optional<Instant> stage_deadline_;
  std::optional<Instant> timer_armed_for_;
  bool wants_readable_ = false;
  bool wants_writable_ = false;
  bool waiting_readable_ = false;
  bool waiting_writable_ = false;
  bool pump_posted_ = false;
  bool inside_ = false;
};

}  // namespace ota::hub
