#pragma once

// What every use of libcurl in this module shares.

#include <curl/curl.h>

#include <string>

#include "cloud/rest/api_error.hpp"
#include "cloud/rest/http_client.hpp"

namespace ota::rest {

/// curl_global_init is not safe from several threads before its first return.
void start_curl();

/// Certificates to trust, limits of time, and no proxy to this machine itself.
void set_connection(CURL* curl, const HttpOptions& options, const std::string& origin);

/// Why no answer came. `detail` is libcurl's error buffer.
ApiError network_error(CURLcode code, const std::string& origin, const char* detail);

}  // namespace ota::rest
