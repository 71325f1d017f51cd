#pragma once

// Thousands of devices of one hub, or clients of a plain MQTT broker, in one event loop.

#include <openssl/ssl.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/mqtt_wire.hpp"
#include "bench/load/tls_link.hpp"

namespace ota::bench {

enum class Server : std::uint8_t { Hub, Broker };

struct Target {
  Server server = Server::Hub;
  boost::asio::ip::tcp::endpoint mqtt;
  boost::asio::ip::tcp::endpoint https;
  std::string hub_name;   // HostName of the connection string
  std::string owner_key;  // decoded key of iothubowner; devices' keys are derived from it
};

std::string device_name(std::size_t index);
/// The key of a device, decoded.
std::string device_key(const Target& target, std::string_view name);

class Fleet {
 public:
  using Message = std::function<void(std::size_t device, const Packet& packet)>;

  Fleet(boost::asio::io_context& loop, std::shared_ptr<SSL_CTX> context, const Target& target);

  struct Storm {
    std::size_t devices = 0;
    std::size_t at_once = 0;  // connections that are being made at any time
  };
  /// Connects and subscribes those of the first `devices` that are not yet; refused ones try again
  /// after a moment. `done` when all are there.
  void connect(const Storm& storm, std::function<void()> done);
  void close_all();

  void send(std::size_t device, std::string_view packet) { members_[device].link->send(packet); }
  /// What the server sends to a device that is ready.
  void on_message(Message message) { message_ = std::move(message); }
  void on_drop(std::function<void()> drop) { drop_ = std::move(drop); }

  std::size_t ready() const { return ready_; }
  std::size_t refusals() const { return refusals_; }
  const std::string& last_refusal() const { return last_refusal_; }

 private:
  enum class Stage : std::uint8_t { Offline, Connecting, Ready };
  struct Member {
    std::shared_ptr<TlsLink> link;
    std::string input;
    Stage stage = Stage::Offline;
  };

  void start_more();
  void start(std::size_t device);
  void received(std::size_t device, std::string_view bytes);
  void handle(std::size_t device, const Packet& packet);
  void lost(std::size_t device, const std::string& reason);
  void become_ready(std::size_t device);
  std::string first_packets(std::size_t device) const;

  boost::asio::io_context& loop_;
  std::shared_ptr<SSL_CTX> context_;
  const Target& target_;
  boost::asio::steady_timer pause_;
  std::vector<Member> members_;
  Storm storm_;
  std::vector<std::size_t> waiting_;  // to be started, last one first
  std::size_t connecting_ = 0;
  std::size_t ready_ = 0;
  std::size_t refusals_ = 0;
  std::string last_refusal_;
  bool pausing_ = false;
  Message message_;
  std::function<void()> drop_;
  std::function<void()> done_;
};

}  // namespace ota::bench
