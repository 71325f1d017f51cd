#pragma once

// The download's transport over libcurl: moves bytes and reads headers; every decision is the
// Receiver's.

#include <cstdint>
#include <memory>
#include <string>

#include "device/core/fetch/transport.hpp"

namespace ota::net {

struct CurlSettings {
  std::string ca_file;               // PEM; empty: the system's certificates
  bool allow_http = false;           // plain http:// is for tests and closed networks
  std::string proxy;                 // "socks5h://host:port"; empty: none
  std::uint64_t max_rate_bytes = 0;  // per second; 0: no limit
  Duration connect_timeout = std::chrono::seconds(30);
  std::uint32_t low_speed_bytes = fetch::kLowSpeedBytes;
  Duration low_speed_time = fetch::kLowSpeedTime;
  std::string user_agent = "mcu-ota-agent";
};

class CurlTransport final : public fetch::Transport {
 public:
  explicit CurlTransport(CurlSettings settings);
  ~CurlTransport();
  CurlTransport(const CurlTransport&) = delete;
  CurlTransport& operator=(const CurlTransport&) = delete;

  fetch::TransferEnd get(const fetch::Request& request, fetch::Receiver& receiver,
                         const Cancel& cancel) noexcept override;

 private:
  struct Handles;
  CurlSettings settings_;
  std::unique_ptr<Handles> handles_;
};

}  // namespace ota::net
