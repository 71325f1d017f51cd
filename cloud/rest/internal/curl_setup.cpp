#include "cloud/rest/internal/curl_setup.hpp"

#include <mutex>

namespace ota::rest {
namespace {

bool is_loopback(const std::string& origin) {
  const std::size_t host = origin.find("://") + 3;
  return origin.compare(host, 4, "127.") == 0 || origin.compare(host, 9, "localhost") == 0 ||
         origin.compare(host, 5, "[::1]") == 0;
}

}  // namespace

void start_curl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

void set_connection(CURL* curl, const HttpOptions& options, const std::string& origin) {
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  if (!options.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, options.ca_file.c_str());
  if (is_loopback(origin)) curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, static_cast<long>(options.connect_timeout_s));
}

ApiError network_error(CURLcode code, const std::string& origin, const char* detail) {
  const std::string why = *detail != '\0' ? detail : curl_easy_strerror(code);
  ApiError error{.kind = ApiError::Kind::Network, .code = "disconnected"};
  if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST) {
    error.code = "unreachable";
    error.message = "cannot reach " + origin + " (" + why + "); check the address and the network" +
                    (is_loopback(origin) ? ", or start `mcu-ota hub`" : "");
  } else if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
    error.code = "tls_untrusted";
    error.message = "the certificate of " + origin + " cannot be trusted (" + why +
                    "); name the right CA with --ca, or use the profile of this hub";
  } else if (code == CURLE_OPERATION_TIMEDOUT) {
    error.code = "timeout";
    error.message = origin + " does not answer in time (" + why + "); try again";
  } else {
    error.message = "the connection to " + origin + " failed (" + why + "); try again";
  }
  return error;
}

}  // namespace ota::rest
