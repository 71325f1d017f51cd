#pragma once

// MQTT topics, user names and client ids of IoT Hub and DPS as plain texts, used by the agent and
// by the local hub. Source: "Communicate with an IoT hub using the MQTT protocol"; "Communicate
// with DPS using the MQTT protocol".

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace ota::contract {

namespace topic {
inline constexpr std::string_view kTwinResponses = "$iothub/twin/res/#";
inline constexpr std::string_view kDesiredPatches = "$iothub/twin/PATCH/properties/desired/#";
inline constexpr std::string_view kMethods = "$iothub/methods/POST/#";
inline constexpr std::string_view kDpsResponses = "$dps/registrations/res/#";
}  // namespace topic

// ---- What a device sends ----
std::string twin_get_topic(std::string_view request_id);
std::string reported_patch_topic(std::string_view request_id);
/// `properties` is an encoded bag such as "%24.ct=application%2Fjson&%24.ce=utf-8", or empty.
std::string telemetry_topic(std::string_view device_id, std::string_view properties);
std::string devicebound_filter(std::string_view device_id);
std::string method_response_topic(int status, std::string_view request_id);
std::string dps_register_topic(std::string_view request_id);
std::string dps_status_topic(std::string_view request_id, std::string_view operation_id);

std::string hub_user_name(std::string_view hub_host, std::string_view device_id,
                          std::string_view client_type);
std::string dps_user_name(std::string_view id_scope, std::string_view registration_id,
                          std::string_view client_version);

// ---- What a device receives ----
struct TwinResponse {
  int status = 0;
  std::string request_id;
  std::optional<std::uint64_t> version;
};
struct DesiredPatch {
  std::uint64_t version = 0;
};
struct MethodRequest {
  std::string method;
  std::string request_id;
};
struct DpsResponse {
  int status = 0;
  std::string request_id;
  std::optional<std::uint32_t> retry_after_s;
};
std::string twin_response_topic(const TwinResponse& response);
std::string desired_patch_topic(std::uint64_t version);
std::string method_request_topic(const MethodRequest& request);
std::string dps_response_topic(const DpsResponse& response);
/// `properties` is an encoded bag; a '/' in a value is "%2F", since clients cut the topic there.
std::string devicebound_topic(std::string_view device_id, std::string_view properties);
std::optional<TwinResponse> parse_twin_response(std::string_view topic);
std::optional<DesiredPatch> parse_desired_patch(std::string_view topic);
std::optional<MethodRequest> parse_method_request(std::string_view topic);
std::optional<DpsResponse> parse_dps_response(std::string_view topic);

// ---- What a hub receives ----
struct TwinGetRequest {
  std::string request_id;
};
struct ReportedPatchRequest {
  std::string request_id;                // may be empty: no answer wanted
  std::optional<std::uint64_t> version;  // optimistic guard
};
struct TelemetryMessage {
  std::string device_id;
  std::string module_id;   // empty: the device itself
  std::string properties;  // the encoded bag
};
struct MethodResponse {
  int status = 0;
  std::string request_id;
};
struct DpsRegisterRequest {
  std::string request_id;
};
struct DpsStatusRequest {
  std::string request_id;
  std::string operation_id;
};
using DeviceMessage = std::variant<TwinGetRequest, ReportedPatchRequest, TelemetryMessage,
                                   MethodResponse, DpsRegisterRequest, DpsStatusRequest>;

/// What a device's PUBLISH means; nothing for a topic that neither IoT Hub nor DPS knows (the
/// connection is then closed).
std::optional<DeviceMessage> parse_device_message(std::string_view topic);

/// The user name of a hub or DPS connection, taken apart.
struct HubUserName {
  std::string host;
  std::string device_id;
  std::string module_id;
  std::string model_id;
};
struct DpsUserName {
  std::string id_scope;
  std::string registration_id;
};
std::optional<HubUserName> parse_hub_user_name(std::string_view user_name);
std::optional<DpsUserName> parse_dps_user_name(std::string_view user_name);

}  // namespace ota::contract
