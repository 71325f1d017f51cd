#include "cloud/hub/state/failure.hpp"

namespace ota::hub {

std::string_view name_of(int code) {
  switch (code) {
    case code::kInvalidProtocolVersion:
      return "InvalidProtocolVersion";
    case code::kInvalidOperation:
      return "InvalidOperation";
    case code::kArgumentInvalid:
      return "ArgumentInvalid";
    case code::kArgumentNull:
      return "ArgumentNull";
    case code::kFormatError:
      return "IotHubFormatError";
    case code::kDefinedTwice:
      return "DeviceDefinedMultipleTimes";
    case code::kBulkFailure:
      return "BulkRegistryOperationFailure";
    case code::kUnauthorized:
      return "IotHubUnauthorizedAccess";
    case code::kQuotaExceeded:
      return "IotHubQuotaExceeded";
    case code::kQueueFull:
      return "DeviceMaximumQueueDepthExceeded";
    case code::kNotFound:
      return "DeviceNotFound";
    case code::kJobNotFound:
      return "JobNotFound";
    case code::kModuleNotFound:
      return "ModuleNotFound";
    case code::kDeviceNotOnline:
      return "DeviceNotOnline";
    case code::kMethodNotAllowed:
      return "MethodNotAllowed";
    case code::kAlreadyExists:
      return "DeviceAlreadyExists";
    case code::kPreconditionFailed:
      return "PreconditionFailed";
    case code::kLockLost:
      return "DeviceMessageLockLost";
    case code::kMessageTooLarge:
      return "MessageTooLarge";
    case code::kTooManyDevices:
      return "TooManyDevices";
    case code::kUnsupportedMediaType:
      return "UnsupportedMediaType";
    case code::kThrottled:
      return "ThrottlingException";
    case code::kBadDeviceResponse:
      return "BadDeviceResponse";
    case code::kGatewayTimeout:
      return "GatewayTimeout";
    case code::kTooManyActiveJobs:
      return "ThrottlingMaxActiveJobCountExceeded";
    default:
      return "ServerError";
  }
}

}  // namespace ota::hub
