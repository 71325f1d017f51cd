#pragma once

// Why the hub refused or failed, in the six-digit codes that IoT Hub and DPS send to their clients.
// Source: "Understand and resolve Azure IoT Hub errors"; Azure/azure-iot-sdk-csharp, ErrorCode.cs.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"

namespace ota::hub {

namespace code {
inline constexpr int kInvalidProtocolVersion = 400001;
inline constexpr int kInvalidOperation = 400003;
inline constexpr int kArgumentInvalid = 400004;
inline constexpr int kArgumentNull = 400005;
inline constexpr int kFormatError = 400006;
inline constexpr int kDefinedTwice = 400011;
inline constexpr int kBulkFailure = 400013;
inline constexpr int kUnauthorized = 401002;
inline constexpr int kQuotaExceeded = 403002;
inline constexpr int kQueueFull = 403004;
inline constexpr int kNotFound = 404001;
inline constexpr int kJobNotFound = 404002;
inline constexpr int kModuleNotFound = 404010;
inline constexpr int kDeviceNotOnline = 404103;
inline constexpr int kMethodNotAllowed = 405001;
inline constexpr int kAlreadyExists = 409001;
inline constexpr int kPreconditionFailed = 412001;
inline constexpr int kLockLost = 412002;
inline constexpr int kMessageTooLarge = 413001;
inline constexpr int kTooManyDevices = 413002;
inline constexpr int kUnsupportedMediaType = 415001;
inline constexpr int kThrottled = 429001;
inline constexpr int kTooManyActiveJobs = 429004;
inline constexpr int kServerError = 500001;
inline constexpr int kBadDeviceResponse = 502101;  // the number is ours
inline constexpr int kGatewayTimeout = 504101;
}  // namespace code

struct Failure {
  int code = code::kServerError;
  std::string message;              // a sentence for people
  std::uint32_t retry_after_s = 0;  // when to try again; 0: the client decides
  bool no_space = false;            // the disk is full, rather than something being broken

  int http_status() const { return code / 1000; }
};

/// What most bad requests get.
inline Failure invalid(std::string message) {
  return {.code = code::kArgumentInvalid, .message = std::move(message)};
}

/// The name that IoT Hub gives to a code: "DeviceNotFound" for 404001.
std::string_view name_of(int code);

template <class T>
using Outcome = Result<T, Failure>;

}  // namespace ota::hub
