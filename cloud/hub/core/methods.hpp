#pragma once

// Direct methods: a call waits for its device, then for the device's answer. Nothing is queued
// beyond the call's own time-outs, and nothing outlives the process.
// Source: "Understand and invoke direct methods from IoT Hub".

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "cloud/hub/core/core.hpp"
#include "cloud/hub/core/links.hpp"
#include "cloud/hub/state/failure.hpp"

namespace ota::hub {

inline constexpr std::size_t kMethodPayloadBytesMax = 128 * 1024;  // each way
inline constexpr std::size_t kMethodNameBytesMax = 256;
inline constexpr std::size_t kMethodCallsMax = 10'000;  // under way at one time
inline constexpr std::chrono::seconds kMethodResponseTimeoutMin{5};
inline constexpr std::chrono::seconds kMethodTimeoutMax{300};

struct MethodCall {
  std::string device_id;
  std::string name;
  std::string payload = "null";  // a JSON text
  std::chrono::seconds response_timeout{30};
  std::chrono::seconds connect_timeout{0};
};

struct MethodAnswer {
  int status = 0;
  std::string payload;  // a JSON text
};

class Methods {
 public:
  /// Called once with the outcome: what the device answered, DeviceNotOnline, GatewayTimeout,
  /// BadDeviceResponse, or Throttled.
  using Done = std::function<void(Outcome<MethodAnswer>)>;
  /// False when nobody waits for the outcome any more: then the call is dropped.
  using Wanted = std::function<bool()>;

  Methods(const Links& links, const Settings& settings) : links_(links), settings_(settings) {}

  /// `done` may be called from within.
  void invoke(MethodCall call, Done done, Wanted wanted);

  /// The device may listen by now.
  void listening(const std::string& device_id);
  /// Late answers, and answers of another device, are dropped.
  void answered(const std::string& device_id, const contract::MethodResponse& response,
                std::string_view payload);
  void tick();

 private:
  struct Pending {
    MethodCall call;
    Done done;
    Wanted wanted;
    Instant end;
    bool asked = false;  // else the device is not there yet
  };
  bool ask(const std::string& request_id, Pending& pending);
  Pending take(std::map<std::string, Pending>::iterator place);

  const Links& links_;
  const Settings& settings_;
  std::map<std::string, Pending> pending_;  // by request id
  std::uint64_t last_request_ = 0;
};

/// What a body says: methodName, payload, responseTimeoutInSeconds, connectTimeoutInSeconds.
/// Errors: ArgumentNull, ArgumentInvalid, MessageTooLarge.
Outcome<MethodCall> read_method_call(std::string device_id, const nlohmann::json& body);

}  // namespace ota::hub
