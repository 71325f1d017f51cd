#pragma once

// The identity registry: who may connect, and with which key or certificate.
// Source: "Understand the identity registry in your IoT hub".

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/hub/core/core.hpp"
#include "cloud/hub/state/database.hpp"

namespace ota::hub {

inline constexpr std::string_view kNever = "0001-01-01T00:00:00Z";

struct Device {
  std::string id;
  std::string generation_id;
  std::string etag;
  std::string status = "enabled";  // or "disabled"
  std::optional<std::string> status_reason;
  std::string status_updated{kNever};
  std::string authentication_type = "sas";  // selfSigned, certificateAuthority, none
  std::optional<std::string> primary_key;
  std::optional<std::string> secondary_key;
  std::optional<std::string> primary_thumbprint;
  std::optional<std::string> secondary_thumbprint;
  std::string connection_state = "Disconnected";
  std::string connection_updated{kNever};
  std::string last_activity{kNever};
  bool iot_edge = false;
  std::int64_t message_count = 0;  // cloud-to-device messages that wait
  std::string model_id;            // what the device said at login; empty: nothing

  bool enabled() const { return status == "enabled"; }
  /// Whether a live session that was opened under `before` must end.
  bool shuts_out(const Device& before) const;
};

/// 1 .. 128 characters that IoT Hub allows in ids.
bool is_device_id(std::string_view id);

class Registry {
 public:
  Registry(const Database& database, const Settings& settings)
      : database_(database), settings_(settings) {}

  Outcome<std::optional<Device>> find(std::string_view id) const;
  /// Errors: NotFound.
  Outcome<Device> get(std::string_view id) const;
  Outcome<std::vector<Device>> list(std::int64_t count_max) const;

  /// Adds an identity with an empty twin; missing keys of a SAS device are generated. Errors:
  /// AlreadyExists, ArgumentInvalid.
  Outcome<Device> create(Device device);
  /// Writes an identity back and gives it a new etag.
  Outcome<Device> update(Device device);
  Outcome<Ok> remove(std::string_view id);

  Outcome<Ok> set_connection(std::string_view id, bool connected);
  Outcome<Ok> set_model(std::string_view id, std::string_view model_id);
  /// At start nobody is connected, whatever a killed hub left behind.
  Outcome<Ok> disconnect_all();

 private:
  const Database& database_;
  const Settings& settings_;
};

/// The identity as the service REST shows it, keys included.
nlohmann::json to_json(const Device& device);

/// Takes over what a client may write. Members that the service owns are ignored. Errors:
/// ArgumentInvalid.
Outcome<Ok> read_json(Device& device, const nlohmann::json& body);

/// Whether this token or certificate proves that a client is the device (policy tokens are not
/// looked at).
bool proves(const Device& device, const contract::HubSas& token);
bool proves(const Device& device, const ClientCertificate& certificate);

}  // namespace ota::hub
