#pragma once

// Which part of the hub answers a path of the HTTPS listener.

#include <functional>
#include <memory>
#include <string>

#include "cloud/hub/core/core.hpp"
#include "cloud/hub/http/exchange.hpp"

namespace ota::hub {

inline constexpr std::size_t kRestBodyBytesMax = 4 * 1024 * 1024;

class HttpRouter final : public HttpService {
 public:
  using MakeMqtt = std::function<std::unique_ptr<ByteProtocol>(
      const std::shared_ptr<const ClientCertificate>&, Instant)>;

  /// `/healthz` is answered here, `/{account}` and below by `blobs`, everything else by `core`;
  /// devices that open a WebSocket speak what `make_mqtt` makes. Core and blobs outlive the router.
  HttpRouter(Core& core, HttpService& blobs, std::string account, MakeMqtt make_mqtt)
      : core_(core),
        blobs_(blobs),
        account_path_("/" + std::move(account)),
        make_mqtt_(std::move(make_mqtt)) {}

  Begun begin(RequestHead head) override;

 private:
  Reply ask_core(const HttpRequest& request);

  Core& core_;
  HttpService& blobs_;
  std::string account_path_;
  MakeMqtt make_mqtt_;
};

}  // namespace ota::hub
