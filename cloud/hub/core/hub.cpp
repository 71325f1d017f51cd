#include "cloud/hub/core/hub.hpp"

#include <chrono>
#include <nlohmann/json.hpp>

#include "cloud/hub/core/schema.hpp"
#include "cloud/hub/core/secrets.hpp"

namespace ota::hub {

namespace {

/// Once only: who deletes the group does not get it back at the next start.
Outcome<Ok> create_default_group(Hub& hub) {
  OTA_TRY(const auto first,
          hub.database.execute(
              "INSERT OR IGNORE INTO setting (name, value) VALUES ('default_group', 'made')"));
  if (first == 0) return Ok{};
  const std::string id(kDefaultEnrollmentGroup);
  OTA_TRY(hub.enrollments.put(EnrollmentKind::Group, id,
                              {{"attestation", {{"type", "symmetricKey"}}}}, std::nullopt));
  return Ok{};
}

}  // namespace

std::uint64_t microseconds_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

Outcome<Ok> prepare_state(Hub& hub) {
  OTA_TRY(hub.database.migrate(kSchema));
  OTA_TRY(auto transaction, Transaction::begin(hub.database));
  OTA_TRY(hub.policies.create_defaults());
  OTA_TRY(
      hub.database.execute("INSERT OR IGNORE INTO setting (name, value) VALUES ('id_scope', ?1)",
                           {"0ne" + random_hex(8)}));
  OTA_TRY(create_default_group(hub));
  OTA_TRY(hub.registry.disconnect_all());
  OTA_TRY(hub.jobs.give_up_open_calls());
  OTA_TRY(hub.messages.load());
  return transaction.commit();
}

Outcome<std::string> read_setting(const Database& database, std::string_view name) {
  OTA_TRY(auto row, database.query("SELECT value FROM setting WHERE name = ?1", {name}));
  OTA_TRY(const bool found, row.step());
  if (!found) return Failure{code::kServerError, "the hub's state has no " + std::string(name)};
  return row.text(0);
}

Connected facts_of(const Hub& hub, std::string_view device_id) {
  auto row = hub.database.query(
      "SELECT generation_id, authentication_type FROM device_base WHERE device_id = ?1",
      {device_id});
  const auto found = row ? row.value().step() : row.error();
  if (!found || !found.value()) return {};
  return {row.value().text(0), row.value().text(1)};
}

void take_telemetry(Hub& hub, const std::string& device_id, std::string_view properties,
                    std::string_view payload, Connected sender) {
  hub.activity[device_id] = hub.settings.now();
  Event event{.type = EventType::Telemetry,
              .device_id = device_id,
              .properties = std::string(properties),
              .body = std::string(payload)};
  event.generation_id = std::move(sender.generation_id);
  event.authentication_type = std::move(sender.authentication_type);
  hub.links.tell(std::move(event));
}

Outcome<Ok> evaluate_cycle(Hub& hub) {
  Notices notices;
  OTA_TRY(auto transaction, Transaction::begin(hub.database));
  OTA_TRY(hub.management.evaluate_waiting(notices));
  OTA_TRY(hub.configurations.count_metrics());
  OTA_TRY(transaction.commit());
  notices.deliver(hub.links);
  return Ok{};
}

Outcome<Ok> write_activity(Hub& hub) {
  if (hub.activity.empty() && hub.connections.empty()) return Ok{};
  OTA_TRY(auto transaction, Transaction::begin(hub.database));
  OTA_TRY(auto update,
          hub.database.prepare("UPDATE device_state SET last_activity = ?2 WHERE device_id = ?1"
                               " AND last_activity < ?2"));
  for (const auto& [device_id, connected] : hub.connections)
    OTA_TRY(hub.registry.set_connection(device_id, connected));
  for (const auto& [device_id, time] : hub.activity)
    OTA_TRY(update.run({device_id, contract::to_iso8601(time)}));
  OTA_TRY(transaction.commit());
  hub.activity.clear();
  hub.connections.clear();
  return Ok{};
}

std::string host_with_port(const Settings& settings, std::uint16_t port,
                           std::uint16_t standard_port) {
  if (settings.host_names.empty()) return {};
  const std::string& name = settings.host_names.front();
  if (port == 0 || port == standard_port) return name;
  const bool ip6 = name.find(':') != std::string::npos;
  return (ip6 ? "[" + name + "]" : name) + ":" + std::to_string(port);
}

}  // namespace ota::hub
