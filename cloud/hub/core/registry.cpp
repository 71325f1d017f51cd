#include "cloud/hub/core/registry.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>

#include "cloud/hub/core/secrets.hpp"
#include "cloud/hub/core/tokens.hpp"

namespace ota::hub {

namespace {

constexpr std::string_view kColumns =
    "device_id, generation_id, device_etag, status, status_reason, status_updated, "
    "authentication_type, primary_key,"
    " secondary_key, primary_thumbprint, secondary_thumbprint, connection_state, "
    "connection_updated, last_activity, iot_edge, model_id,"
    " (SELECT COUNT(*) FROM message WHERE message.device_id = device.device_id)";

Device read_row(const Statement& row) {
  Device device;
  device.id = row.text(0);
  device.generation_id = row.text(1);
  device.etag = row.text(2);
  device.status = row.text(3);
  device.status_reason = row.optional_text(4);
  device.status_updated = row.text(5);
  device.authentication_type = row.text(6);
  device.primary_key = row.optional_text(7);
  device.secondary_key = row.optional_text(8);
  device.primary_thumbprint = row.optional_text(9);
  device.secondary_thumbprint = row.optional_text(10);
  device.connection_state = row.text(11);
  device.connection_updated = row.text(12);
  device.last_activity = row.text(13);
  device.iot_edge = row.integer(14) != 0;
  device.model_id = row.text(15);
  device.message_count = row.integer(16);
  return device;
}

/// Changes when an id is deleted and created again; IoT Hub shows the ticks of the creation.
std::string new_generation_id() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  constexpr std::int64_t kTicksTo1970 = 621'355'968'000'000'000;
  return std::to_string(kTicksTo1970 +
                        std::chrono::duration_cast<std::chrono::nanoseconds>(now).count() / 100);
}

}  // namespace

bool Device::shuts_out(const Device& before) const {
  return !enabled() || authentication_type != before.authentication_type ||
         primary_key != before.primary_key || secondary_key != before.secondary_key ||
         primary_thumbprint != before.primary_thumbprint ||
         secondary_thumbprint != before.secondary_thumbprint;
}

bool is_device_id(std::string_view id) {
  constexpr std::string_view kPunctuation = "-:.+%_#*?!(),=@;$'";
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [&](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) != 0 ||
                        kPunctuation.find(static_cast<char>(c)) != std::string_view::npos);
  });
}

Outcome<std::optional<Device>> Registry::find(std::string_view id) const {
  OTA_TRY(auto row,
          database_.query("SELECT " + std::string(kColumns) + " FROM device WHERE device_id = ?1",
                          {id}));
  OTA_TRY(const bool found, row.step());
  if (!found) return std::optional<Device>{};
  return std::optional<Device>{read_row(row)};
}

Outcome<Device> Registry::get(std::string_view id) const {
  OTA_TRY(auto device, find(id));
  if (!device) return Failure{code::kNotFound, "there is no device " + std::string(id)};
  return std::move(*device);
}

Outcome<std::vector<Device>> Registry::list(std::int64_t count_max) const {
  OTA_TRY(auto row, database_.query("SELECT " + std::string(kColumns) +
                                        " FROM device ORDER BY device_id LIMIT ?1",
                                    {count_max}));
  std::vector<Device> devices;
  for (;;) {
    OTA_TRY(const bool more, row.step());
    if (!more) return devices;
    devices.push_back(read_row(row));
  }
}

Outcome<Device> Registry::create(Device device) {
  if (!is_device_id(device.id)) {
    return Failure{code::kArgumentInvalid,
                   "'" + device.id +
                       "' cannot be a device id: 1 to 128 ASCII letters, digits and"
                       " - : . + % _ # * ? ! ( ) , = @ $ '"};
  }
  OTA_TRY(const auto existing, find(device.id));
  if (existing) return Failure{code::kAlreadyExists, "there is a device " + device.id + " already"};
  if (device.authentication_type == "sas") {
    if (!device.primary_key) device.primary_key = random_key();
    if (!device.secondary_key) device.secondary_key = random_key();
  }
  device.generation_id = new_generation_id();
  device.etag = random_etag();
  OTA_TRY(database_.execute(
      "INSERT INTO device_base (device_id, generation_id, device_etag, status, status_reason, "
      "status_updated,"
      " authentication_type, primary_key, secondary_key, primary_thumbprint, secondary_thumbprint, "
      "iot_edge)"
      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
      {device.id, device.generation_id, device.etag, device.status, device.status_reason,
       device.status_updated, device.authentication_type, device.primary_key, device.secondary_key,
       device.primary_thumbprint, device.secondary_thumbprint, device.iot_edge}));
  return device;
}

Outcome<Device> Registry::update(Device device) {
  if (device.authentication_type == "sas") {
    if (!device.primary_key) device.primary_key = random_key();
    if (!device.secondary_key) device.secondary_key = random_key();
  }
  device.etag = random_etag();
  OTA_TRY(database_.execute(
      "UPDATE device_base SET device_etag = ?2, status = ?3, status_reason = ?4, status_updated = "
      "?5,"
      " authentication_type = ?6, primary_key = ?7, secondary_key = ?8, primary_thumbprint = ?9,"
      " secondary_thumbprint = ?10, iot_edge = ?11 WHERE device_id = ?1",
      {device.id, device.etag, device.status, device.status_reason, device.status_updated,
       device.authentication_type, device.primary_key, device.secondary_key,
       device.primary_thumbprint, device.secondary_thumbprint, device.iot_edge}));
  return device;
}

Outcome<Ok> Registry::remove(std::string_view id) {
  OTA_TRY(database_.execute("DELETE FROM device_base WHERE device_id = ?1", {id}));
  return Ok{};
}

Outcome<Ok> Registry::set_connection(std::string_view id, bool connected) {
  OTA_TRY(database_.execute(
      "UPDATE device_state SET connection_state = ?2, connection_updated = ?3, last_activity = ?3"
      " WHERE device_id = ?1",
      {id, connected ? "Connected" : "Disconnected", contract::to_iso8601(settings_.now())}));
  return Ok{};
}

Outcome<Ok> Registry::set_model(std::string_view id, std::string_view model_id) {
  OTA_TRY(database_.execute("UPDATE device_base SET model_id = ?2 WHERE device_id = ?1",
                            {id, model_id}));
  return Ok{};
}

Outcome<Ok> Registry::disconnect_all() {
  OTA_TRY(
      database_.execute("UPDATE device_state SET connection_state = 'Disconnected' WHERE "
                        "connection_state <> 'Disconnected'"));
  return Ok{};
}

bool proves(const Device& device, const contract::HubSas& token) {
  if (device.authentication_type != "sas") return false;
  return signed_by(token, device.primary_key.value_or("")) ||
         signed_by(token, device.secondary_key.value_or(""));
}

bool proves(const Device& device, const ClientCertificate& certificate) {
  if (device.authentication_type == "certificateAuthority") {
    return certificate.chain_valid && certificate.common_name == device.id;
  }
  if (device.authentication_type != "selfSigned") return false;
  const auto matches = [&](const std::optional<std::string>& thumbprint) {
    return thumbprint && !thumbprint->empty() &&
           (equal_ignoring_case(*thumbprint, certificate.sha1_thumbprint) ||
            equal_ignoring_case(*thumbprint, certificate.sha256_thumbprint));
  };
  return matches(device.primary_thumbprint) || matches(device.secondary_thumbprint);
}

}  // namespace ota::hub
