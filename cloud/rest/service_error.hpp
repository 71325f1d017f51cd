#pragma once

#include "cloud/rest/http_client.hpp"

namespace ota::rest {

/// What an answer with a status of 300 and above means. Reads the error forms of IoT Hub (both),
/// DPS (JSON) and Blob (XML); `what` begins the message: "create configuration x".
ApiError service_error(const HttpReply& reply, const std::string& what);

}  // namespace ota::rest
