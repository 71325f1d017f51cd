#pragma once

// Which part of the hub answers a path of the HTTPS listener.

#include <string>

#include "cloud/hub/core/core.hpp"
#include "cloud/hub/http/exchange.hpp"

namespace ota::hub {

inline constexpr std::size_t kRestBodyBytesMax = 4 * 1024 * 1024;

class HttpRouter final : public HttpService {
 public:
  /// `/healthz` is answered here, `/{account}` and below by `blobs`, everything else by `core`.
  /// Both outlive the router.
  HttpRouter(Core& core, HttpService& blobs, std::string account)
      : core_(core), blobs_(blobs), account_path_("/" + std::move(account)) {}

  Begun begin(RequestHead head) override;

 private:
  Reply ask_core(const HttpRequest& request);

  Core& core_;
  HttpService& blobs_;
  std::string account_path_;
};

}  // namespace ota::hub
