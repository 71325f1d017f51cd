#pragma once

// Which part of the hub answers a path of the HTTPS or HTTP listener.

#include <functional>
#include <memory>
#include <string>

#include "cloud/hub/core/core.hpp"
#include "cloud/hub/http/exchange.hpp"
#include "cloud/hub/net/figures.hpp"

namespace ota::hub {

inline constexpr std::size_t kRestBodyBytesMax = 4 * 1024 * 1024;

/// What the hub tells of itself.
class Oversight {
 public:
  /// An error says why the hub does not serve.
  virtual Result<Ok, std::string> health() = 0;
  virtual std::string metrics() = 0;

 protected:
  ~Oversight() = default;
};

class HttpRouter final : public HttpService {
 public:
  /// An open listener has blobs, `/healthz` and `/metrics`, and nothing that takes a token of IoT
  /// Hub or DPS.
  enum class Listener : std::uint8_t { Encrypted, Open };
  using MakeMqtt = std::function<std::unique_ptr<ByteProtocol>(
      const std::shared_ptr<const ClientCertificate>&, Instant)>;
  /// All outlive the router.
  struct Parts {
    Core& core;
    HttpService& blobs;
    std::string account;  // `/{account}` and below are blobs
    Oversight& oversight;
    HttpCounters& counters;
    MakeMqtt make_mqtt;  // for devices that open a WebSocket
  };

  HttpRouter(Parts parts, Listener listener)
      : parts_(std::move(parts)), listener_(listener), account_path_("/" + parts_.account) {}

  Begun begin(RequestHead head) override;
  std::uint8_t route_of(std::string_view path) const override;
  void answered(const Served& served) override { parts_.counters.add(served); }

 private:
  Reply ask_core(const HttpRequest& request);
  Reply about_health(const RequestHead& head);
  Reply about_metrics(const RequestHead& head);

  Parts parts_;
  Listener listener_;
  std::string account_path_;
};

}  // namespace ota::hub
