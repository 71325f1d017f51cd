#pragma once

// The properties of messages in their three forms: the bag of an MQTT topic, the header fields of
// HTTPS, and names in JSON. Source: "Create and read IoT Hub messages"; "Communicate with an IoT
// hub using the MQTT protocol".

#include <string>
#include <string_view>
#include <vector>

#include "cloud/hub/core/http_message.hpp"
#include "cloud/hub/state/failure.hpp"

namespace ota::hub {

inline constexpr std::size_t kMessagePropertiesBytesMax = 32 * 1024;  // as an encoded bag

/// One property, decoded.
struct MessageField {
  std::string name;  // "$.ct", "color"
  std::string value;
  std::string_view system_name;  // "contentType"; empty: an application property
};

/// The properties in a bag; what cannot be decoded stays as it stands.
std::vector<MessageField> read_message_fields(std::string_view bag);

/// Adds "name=value", both encoded.
void add_to_bag(std::string& bag, std::string_view name, std::string_view value);

/// The bag for the fields "iothub-..." of a request; "iothub-to" is left out. Errors:
/// ArgumentInvalid, MessageTooLarge.
Outcome<std::string> bag_of_headers(const HttpHeaders& headers);

/// The same the other way round.
void add_headers_of_bag(std::string_view bag, HttpHeaders& headers);

}  // namespace ota::hub
