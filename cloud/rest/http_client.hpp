#pragma once

// HTTP over libcurl, one exchange at a time. Redirects are not followed, nothing is retried here.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cloud/rest/api_error.hpp"
#include "contract/azure/shared_key.hpp"

namespace ota::rest {

struct HttpOptions {
  std::string ca_file = {};  // PEM; empty: the system's certificates
  int connect_timeout_s = 10;
  int total_timeout_s = 300;
  int stalled_timeout_s = 60;  // without a single byte
};

/// Part of a file that is sent as the body, read while it is sent.
struct FileRange {
  std::string path = {};
  std::uint64_t offset = 0;
  std::uint64_t size_bytes = 0;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url = {};
  contract::HeaderFields headers = {};
  std::string body = {};
  std::optional<FileRange> upload = {};  // instead of `body`
  std::size_t reply_bytes_max = 16 * 1024 * 1024;
  std::function<void(std::uint64_t)> on_sent =
      {};  // bytes of the upload given to the network so far
  /// Takes the body of a 2xx answer piece by piece instead of HttpReply::body, without a limit of
  /// size or time; false ends the exchange.
  std::function<bool(std::string_view)> on_piece = {};
  int answer_timeout_s = 0;  // instead of HttpOptions' limits, for an answer that takes its time
};

struct HttpReply {
  int status = 0;
  contract::HeaderFields headers = {};
  std::string body = {};

  /// The value of the first header with this name, in any case.
  std::optional<std::string> header(std::string_view name) const;
};

/// One connection's worth of HTTP: keeps the connection open between requests.
/// @thread one thread at a time
class HttpClient {
 public:
  explicit HttpClient(HttpOptions options);
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;
  ~HttpClient();

  /// Sends and waits for the answer, whatever its status is.
  /// @errors Network: no answer. Protocol: the answer is larger than allowed, or the file to send
  ///         cannot be read.
  ApiResult<HttpReply> send(const HttpRequest& request);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// "https://host[:port]" of a URL, for messages: never a token.
std::string origin_of(std::string_view url);

/// The libraries that speak HTTP and TLS here, for support cases: "7.88.1", "OpenSSL/3.0.17".
struct HttpLibraries {
  std::string curl = {};
  std::string tls = {};
};
HttpLibraries http_libraries();

/// A fresh random UUID for x-ms-client-request-id and Request-Id.
std::string new_request_id();

}  // namespace ota::rest
