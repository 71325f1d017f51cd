// /devices and /statistics: the identity registry.

#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "cloud/hub/core/identity_changes.hpp"
#include "cloud/hub/core/rest.hpp"

namespace ota::hub {

namespace {

using nlohmann::json;

constexpr std::int64_t kListMax = 1000;

std::int64_t list_size(const Call& call) {
  const auto top = read_number<std::int64_t>(call.parameter("top").value_or(""));
  return top && *top >= 1 && *top <= kListMax ? *top : kListMax;
}

Outcome<HttpResponse> list_devices(Hub& hub, const Call& call) {
  OTA_TRY(const auto devices, hub.registry.list(list_size(call)));
  json list = json::array();
  for (const Device& device : devices) list.push_back(to_json(device));
  return json_answer(list);
}

}  // namespace

Outcome<Device> create_device(Hub& hub, const std::string& id, const json& body, Notices& notices) {
  const std::int64_t devices_max = quotas_of(hub.settings.tier).devices_max;
  OTA_TRY(const auto count, hub.database.find_integer("SELECT COUNT(*) FROM device_base"));
  if (count.value_or(0) >= devices_max) {
    return Failure{code::kQuotaExceeded, "the hub holds " + std::to_string(devices_max) +
                                             " devices, the most that it can; delete some"};
  }
  Device device;
  device.id = id;
  OTA_TRY(read_json(device, body));
  device.status_updated = hub.now_text();
  OTA_TRY(auto created, hub.registry.create(std::move(device)));
  OTA_TRY(hub.management.device_changed(
      id, {.created = true, .tags = false, .desired = false, .reported = false}, notices));
  return created;
}

Outcome<Device> update_device(Hub& hub, const std::string& id, const json& body,
                              std::optional<std::string_view> if_match, Notices& notices) {
  OTA_TRY(const Device before, hub.registry.get(id));
  if (!matches(if_match, before.etag)) {
    return Failure{code::kPreconditionFailed, "the device has changed: its etag is " + before.etag};
  }
  Device device = before;
  OTA_TRY(read_json(device, body));
  if (device.status != before.status) device.status_updated = hub.now_text();
  OTA_TRY(auto updated, hub.registry.update(std::move(device)));
  if (updated.shuts_out(before))
    notices.close(id, "the device was disabled or its credentials changed");
  return updated;
}

Outcome<Ok> delete_device(Hub& hub, const std::string& id, std::optional<std::string_view> if_match,
                          Notices& notices) {
  OTA_TRY(const Device device, hub.registry.get(id));
  if (!matches(if_match, device.etag)) {
    return Failure{code::kPreconditionFailed, "the device has changed: its etag is " + device.etag};
  }
  OTA_TRY(hub.registry.remove(id));
  hub.messages.forget(id);
  notices.deleted(id);
  return Ok{};
}

namespace {

Outcome<HttpResponse> put_device(Hub& hub, const Call& call) {
  OTA_TRY(const json body, call.body());
  const std::string& id = call.segments[1];
  Notices notices;
  OTA_TRY(auto transaction, Transaction::begin(hub.database));
  const auto if_match = call.if_match();
  OTA_TRY(const Device device, if_match ? update_device(hub, id, body, *if_match, notices)
                                        : create_device(hub, id, body, notices));
  OTA_TRY(transaction.commit());
  notices.deliver(hub.links);
  return json_answer(to_json(device), device.etag);
}

Outcome<HttpResponse> remove_device(Hub& hub, const Call& call) {
  Notices notices;
  OTA_TRY(auto transaction, Transaction::begin(hub.database));
  OTA_TRY(delete_device(hub, call.segments[1], call.if_match(), notices));
  OTA_TRY(transaction.commit());
  notices.deliver(hub.links);
  return no_content();
}

/// Devices of this hub have no modules: the list is empty, and none can be made.
Outcome<HttpResponse> no_modules(Hub& hub, const Call& call) {
  OTA_TRY(const Device device, hub.registry.get(call.segments[1]));
  if (call.is("GET", 3)) return json_answer(json::array());
  if (call.is("PUT", 4)) {
    return Failure{code::kInvalidOperation,
                   "this hub offers no modules; device " + device.id + " gets none"};
  }
  if (call.segments.size() != 4) return no_such_route(call);
  return Failure{code::kModuleNotFound,
                 "device " + device.id + " has no module " + call.segments[3]};
}

}  // namespace

Outcome<HttpResponse> handle_devices(Hub& hub, const Call& call) {
  if (call.is("POST", 2) && call.segments[1] == "query") return handle_query(hub, call);
  if (is_message_path(call)) return handle_messages(hub, call);
  if (call.is("DELETE", 3) && call.segments[2] == "commands") {
    OTA_TRY(demand(hub, call, Service::Hub, {Right::RegistryWrite, Right::ServiceConnect}));
    return purge_messages(hub, call);
  }
  if (call.segments.size() >= 3 && call.segments[2] == "files")
    return Failure{code::kInvalidOperation, "this hub offers no file upload"};
  const bool reads = call.request.method == "GET";
  if (reads) {
    OTA_TRY(demand(hub, call, Service::Hub, {Right::RegistryRead, Right::RegistryWrite}));
  } else {
    OTA_TRY(demand(hub, call, Service::Hub, {Right::RegistryWrite}));
  }
  if (call.is("GET", 1)) return list_devices(hub, call);
  if (call.is("POST", 1)) return handle_bulk(hub, call);
  if (call.segments.size() >= 3 && call.segments[2] == "modules") return no_modules(hub, call);
  if (call.is("POST", 3) && call.segments[2] == "applyConfigurationContent") {
    return Failure{code::kInvalidOperation, "this hub offers no IoT Edge devices and no modules"};
  }
  if (call.is("PUT", 2)) return put_device(hub, call);
  if (call.is("DELETE", 2)) return remove_device(hub, call);
  if (call.is("GET", 2)) {
    OTA_TRY(const Device device, hub.registry.get(call.segments[1]));
    return json_answer(to_json(device), device.etag);
  }
  return no_such_route(call);
}

Outcome<HttpResponse> handle_statistics(Hub& hub, const Call& call) {
  OTA_TRY(demand(hub, call, Service::Hub, {Right::RegistryRead, Right::RegistryWrite}));
  if (!call.is("GET", 2)) return no_such_route(call);
  if (call.segments[1] == "service")
    return json_answer({{"connectedDeviceCount", hub.links.size()}});
  if (call.segments[1] != "devices") return no_such_route(call);
  OTA_TRY(auto row, hub.database.query(
                        "SELECT COUNT(*), COALESCE(SUM(status = 'enabled'), 0) FROM device_base"));
  OTA_TRY(row.step());
  const std::int64_t all = row.integer(0);
  const std::int64_t enabled = row.integer(1);
  return json_answer({{"totalDeviceCount", all},
                      {"enabledDeviceCount", enabled},
                      {"disabledDeviceCount", all - enabled}});
}

}  // namespace ota::hub
