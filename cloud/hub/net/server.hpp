#pragma once

// The local hub as one process on one machine: listeners, event loop, state and profile put
// together.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cloud/hub/core/core.hpp"

namespace ota::hub {

inline constexpr std::uint16_t kMqttPort = 18883;
inline constexpr std::uint16_t kHttpsPort = 18443;

struct ServerOptions {
  std::string state_directory;
  std::string listen_address = "127.0.0.1";
  std::uint16_t mqtt_port = kMqttPort;    // 0: any free one
  std::uint16_t https_port = kHttpsPort;  // 0: any free one
  std::optional<std::uint16_t> http_port =
      {};  // blobs, health and metrics without TLS; 0: any free
  std::string http_listen_address =
      {};  // empty: the listen address if it is loopback, or 127.0.0.1
  std::vector<std::string>
      host_names;            // further names and addresses for clients; the first one is handed out
  std::string profile_file;  // empty: none is written
  std::string
      device_ca_file;      // PEM: device certificates that lead here are trusted; empty: none are
  Tier tier = Tier::None;  // the edition whose throttles and quotas are kept
  std::uint32_t evaluate_every_s = 0;  // cadence of automatic device management; 0: at once
  std::function<Result<std::unique_ptr<Core>, std::string>(Settings)> open_core;  // Core::open
  std::function<contract::UnixSeconds()> now;  // wall clock; empty: the system's
  std::chrono::milliseconds handshake_timeout = std::chrono::seconds(20);
};

class HubServer {
 public:
  /// Where a hub that has started can be reached.
  struct Facts {
    std::string listen_address;
    std::uint16_t mqtt_port = 0;
    std::uint16_t https_port = 0;
    std::optional<std::uint16_t> http_port;
    std::string http_listen_address;
    std::string device_host;  // what devices use
    std::string hub_host;     // what operators use
    std::string id_scope;     // what devices give to DPS
    std::string profile_file;
    std::string ca_file;
  };

  /// Takes the state directory, makes keys and certificates on the first start, binds the ports,
  /// and writes the profile. Errors are sentences that say what to do.
  static Result<std::unique_ptr<HubServer>, std::string> start(const ServerOptions& options);
  virtual ~HubServer() = default;

  virtual const Facts& facts() const = 0;

  /// Serves until stop(), or SIGTERM or SIGINT if `stop_on_signals` was called. Answers that have
  /// begun are finished.
  virtual void run() = 0;
  virtual void stop_on_signals() = 0;

  /// @thread any
  virtual void stop() = 0;
};

}  // namespace ota::hub
