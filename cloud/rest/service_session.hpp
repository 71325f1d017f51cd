#pragma once

// Requests to IoT Hub and DPS: address, api-version, SAS token with renewal, JSON, retries.

#include <functional>
#include <string>
#include <string_view>

#include "cloud/rest/retry.hpp"
#include "contract/azure/connection_string.hpp"
#include "contract/azure/sas.hpp"

namespace ota::rest {

/// The wall clock in seconds, for tokens.
using WallClock = std::function<contract::UnixSeconds()>;

/// What all clients of one command share. `pause` and `random` must outlive them.
struct ClientSetup {
  HttpOptions http = {};
  WallClock now;
  Pause& pause;
  Random& random;
  RetryPolicy retry = {};
};

struct ServiceCall {
  std::string method = {};
  std::string path = {};   // percent-encoded, with the leading '/'
  std::string query = {};  // beside api-version; without '?'
  std::string body = {};   // JSON, unless a header field Content-Type says otherwise
  contract::HeaderFields headers = {};
  Repeatable repeatable = Repeatable::Yes;
  int answer_timeout_s = 0;                             // 0: as usual
  std::function<bool(std::string_view)> on_piece = {};  // see HttpRequest
  std::string what = {};                                // for messages: "create configuration x"
};

class ServiceSession {
 public:
  /// @param base_url  empty: "https://" and the host of the connection string
  ServiceSession(contract::HubConnection connection, std::string api_version, ClientSetup setup,
                 std::string base_url = {});

  /// @returns an answer with a status of 2xx
  ApiResult<HttpReply> send(const ServiceCall& call);

 private:
  const std::string& token();

  contract::HubConnection connection_;
  std::string api_version_;
  ClientSetup setup_;
  std::string base_url_;
  HttpClient http_;
  Retry retry_;
  std::string token_;
  contract::UnixSeconds token_expiry_ = 0;
};

}  // namespace ota::rest
