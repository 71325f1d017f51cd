#pragma once

// Name look-up, TCP and a TLS handshake with an endpoint, and not a byte more: works with HTTPS and
// MQTT alike.

#include <optional>
#include <string>

#include "cloud/rest/http_client.hpp"
#include "contract/azure/sas.hpp"

namespace ota::rest {

/// The certificate that the other side showed.
struct PeerCertificate {
  std::string subject = {};  // one line, for people
  std::string issuer = {};
  contract::UnixSeconds expires = 0;  // 0: unreadable
};

struct TlsFacts {
  std::string distrust = {};  // why the certificate is not trusted; empty: it is
  std::optional<PeerCertificate> certificate = {};
};

/// @param origin  "https://host[:port]"
/// @errors Network, with the code unreachable, timeout or disconnected (it speaks no TLS)
ApiResult<TlsFacts> probe_tls(const std::string& origin, const HttpOptions& options);

/// Only name look-up and TCP.
/// @errors Network
ApiResult<Ok> probe_tcp(const std::string& origin, const HttpOptions& options);

}  // namespace ota::rest
