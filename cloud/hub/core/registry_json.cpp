// The JSON form of identities. Source: "Azure IoT Hub service REST", Devices.

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "base/encoding.hpp"
#include "base/text.hpp"
#include "cloud/hub/core/registry.hpp"

namespace ota::hub {

namespace {

using nlohmann::json;

json nullable(const std::optional<std::string>& text) { return text ? json(*text) : json(nullptr); }

/// A member that may be absent or null. Errors: another type.
Outcome<std::optional<std::string>> text_member(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return std::optional<std::string>{};
  if (!found->is_string()) return invalid(std::string("'") + name + "' is not a string");
  return std::optional<std::string>{found->get<std::string>()};
}

Outcome<json> object_member(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return json::object();
  if (!found->is_object()) return invalid(std::string("'") + name + "' is not an object");
  return *found;
}

Outcome<Ok> check_key(const std::optional<std::string>& key) {
  if (!key) return Ok{};
  const auto bytes = from_base64(*key);
  if (!bytes || bytes->size() < 16 || bytes->size() > 64) {
    return invalid("a symmetric key is not base64 of 16 to 64 bytes");
  }
  return Ok{};
}

Outcome<Ok> check_thumbprint(const std::optional<std::string>& thumbprint) {
  if (!thumbprint) return Ok{};
  const bool hex = std::all_of(thumbprint->begin(), thumbprint->end(),
                               [](unsigned char c) { return std::isxdigit(c) != 0; });
  if (hex && (thumbprint->size() == 40 || thumbprint->size() == 64)) return Ok{};
  return invalid("a thumbprint is not 40 (SHA-1) or 64 (SHA-256) hex digits");
}

/// An empty text is as good as none.
std::optional<std::string> unless_empty(std::optional<std::string> text) {
  return text && text->empty() ? std::nullopt : std::move(text);
}

const std::optional<std::string>& or_else(const std::optional<std::string>& first,
                                          const std::optional<std::string>& second) {
  return first ? first : second;
}

Outcome<Ok> read_authentication(Device& device, const json& body) {
  if (!body.contains("authentication")) return Ok{};
  OTA_TRY(const json authentication, object_member(body, "authentication"));
  OTA_TRY(const json keys, object_member(authentication, "symmetricKey"));
  OTA_TRY(const json thumbprints, object_member(authentication, "x509Thumbprint"));
  OTA_TRY(auto primary_key, text_member(keys, "primaryKey"));
  OTA_TRY(auto secondary_key, text_member(keys, "secondaryKey"));
  OTA_TRY(auto primary_thumbprint, text_member(thumbprints, "primaryThumbprint"));
  OTA_TRY(auto secondary_thumbprint, text_member(thumbprints, "secondaryThumbprint"));
  OTA_TRY(auto type, text_member(authentication, "type"));
  primary_key = unless_empty(std::move(primary_key));
  secondary_key = unless_empty(std::move(secondary_key));
  primary_thumbprint = unless_empty(std::move(primary_thumbprint));
  secondary_thumbprint = unless_empty(std::move(secondary_thumbprint));
  if (!type) type = primary_thumbprint || secondary_thumbprint ? "selfSigned" : "sas";
  constexpr std::array<std::string_view, 4> kTypes = {"sas", "selfSigned", "certificateAuthority",
                                                      "none"};
  const auto* const known = std::find_if(kTypes.begin(), kTypes.end(), [&](std::string_view name) {
    return equal_ignoring_case(name, *type);
  });
  if (known == kTypes.end()) {
    return invalid("authentication.type '" + *type +
                   "' is not sas, selfSigned, certificateAuthority or none");
  }
  type = *known;
  OTA_TRY(check_key(primary_key));
  OTA_TRY(check_key(secondary_key));
  OTA_TRY(check_thumbprint(primary_thumbprint));
  OTA_TRY(check_thumbprint(secondary_thumbprint));
  if (*type == "selfSigned" && !primary_thumbprint && !secondary_thumbprint) {
    return invalid("a selfSigned device needs x509Thumbprint.primaryThumbprint");
  }
  const bool sas = *type == "sas";
  const bool self_signed = *type == "selfSigned";
  device.authentication_type = *type;
  // Node's SDK sends empty keys where its caller gave none: an update keeps those that there are.
  device.primary_key = sas ? or_else(primary_key, device.primary_key) : std::nullopt;
  device.secondary_key = sas ? or_else(secondary_key, device.secondary_key) : std::nullopt;
  device.primary_thumbprint = self_signed ? primary_thumbprint : std::nullopt;
  device.secondary_thumbprint = self_signed ? secondary_thumbprint : std::nullopt;
  return Ok{};
}

}  // namespace

json to_json(const Device& device) {
  return {
      {"deviceId", device.id},
      {"generationId", device.generation_id},
      {"etag", device.etag},
      {"connectionState", device.connection_state},
      {"status", device.status},
      {"statusReason", nullable(device.status_reason)},
      {"connectionStateUpdatedTime", device.connection_updated},
      {"statusUpdatedTime", device.status_updated},
      {"lastActivityTime", device.last_activity},
      {"cloudToDeviceMessageCount", device.message_count},
      {"authentication",
       {{"type", device.authentication_type},
        {"symmetricKey",
         {{"primaryKey", nullable(device.primary_key)},
          {"secondaryKey", nullable(device.secondary_key)}}},
        {"x509Thumbprint",
         {{"primaryThumbprint", nullable(device.primary_thumbprint)},
          {"secondaryThumbprint", nullable(device.secondary_thumbprint)}}}}},
      {"capabilities", {{"iotEdge", device.iot_edge}}},
      {"deviceScope", nullptr},
      {"parentScopes", json::array()},
  };
}

Outcome<Ok> read_json(Device& device, const json& body) {
  OTA_TRY(const auto id, text_member(body, "deviceId"));
  if (id && *id != device.id) return invalid("deviceId in the body and in the path differ");
  OTA_TRY(const auto status, text_member(body, "status"));
  // Java's SDK writes "Enabled".
  const bool disabled = status && equal_ignoring_case(*status, "disabled");
  if (status && !disabled && !equal_ignoring_case(*status, "enabled"))
    return invalid("status is neither enabled nor disabled");
  OTA_TRY(auto reason, text_member(body, "statusReason"));
  if (reason && reason->size() > 128) return invalid("statusReason is longer than 128 characters");
  OTA_TRY(const json capabilities, object_member(body, "capabilities"));
  const auto edge = capabilities.find("iotEdge");
  if (edge != capabilities.end() && !edge->is_boolean())
    return invalid("capabilities.iotEdge is not true or false");
  OTA_TRY(read_authentication(device, body));
  device.status = disabled ? "disabled" : "enabled";
  device.status_reason = std::move(reason);
  if (edge != capabilities.end()) device.iot_edge = edge->get<bool>();
  return Ok{};
}

}  // namespace ota::hub
