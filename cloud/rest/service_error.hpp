#pragma once

#include "cloud/rest/http_client.hpp"

namespace ota::rest {

/// What an answer with a status of 300 and above means. Reads the error forms of IoT Hub (both),
/// DPS (JSON) and Blob (XML); `what` begins the message: "create configuration x".
ApiError service_error(const HttpReply& reply, const std::string& what);

/// A request as messages name it.
struct SentRequest {
  std::string what = {};
  std::string id = {};  // its client request id
};

/// The answer if its status is 2xx; else the error, which carries the request's id.
ApiResult<HttpReply> judged(ApiResult<HttpReply> result, const SentRequest& request);

}  // namespace ota::rest
