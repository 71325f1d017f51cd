// /twins: device twins and direct methods.

#include <nlohmann/json.hpp>

#include "cloud/hub/core/rest.hpp"

namespace ota::hub {

namespace {

using nlohmann::json;

Outcome<HttpResponse> show_twin(Hub& hub, const std::string& id) {
  OTA_TRY(const json twin, twin_json(hub, id));
  return json_answer(twin, twin["etag"].get<std::string>());
}

Outcome<HttpResponse> write_twin(Hub& hub, const Call& call, Twins::Write how) {
  OTA_TRY(const json body, call.body());
  const std::string& id = call.segments[1];
  Notices notices;
  OTA_TRY(auto transaction, Transaction::begin(hub.database));
  OTA_TRY(hub.management.write_twin(id, body, how, call.if_match(), notices));
  OTA_TRY(transaction.commit());
  notices.deliver(hub.links);
  return show_twin(hub, id);
}

/// The device's own words, so its payload is not parsed into values and written again.
HttpResponse method_answer(const MethodAnswer& answer) {
  HttpResponse response;
  response.headers.add("Content-Type", "application/json; charset=utf-8");
  response.body =
      R"({"status":)" + std::to_string(answer.status) + R"(,"payload":)" + answer.payload + "}";
  return response;
}

Outcome<HttpResponse> call_method(Hub& hub, const Call& call) {
  OTA_TRY(const json body, call.body());
  OTA_TRY(const Device device, hub.registry.get(call.segments[1]));
  if (!device.enabled()) return Failure{code::kNotFound, "device " + device.id + " is disabled"};
  OTA_TRY(MethodCall method, read_method_call(device.id, body));
  HttpResponse response;
  response.later = std::make_shared<LaterAnswer>();
  const std::weak_ptr<LaterAnswer> caller = response.later;
  hub.methods.invoke(
      std::move(method),
      [&hub, caller](const Outcome<MethodAnswer>& outcome) {
        const auto waiting = caller.lock();
        if (!waiting) return;
        HttpResponse answer = outcome ? method_answer(outcome.value())
                                      : hub_failure(outcome.error(), hub.settings.now());
        waiting->give(std::move(answer));
      },
      [caller] { return !caller.expired(); });
  return response;
}

}  // namespace

Outcome<json> twin_json(Hub& hub, const std::string& device_id) {
  OTA_TRY(const Device device, hub.registry.get(device_id));
  OTA_TRY(const Twin twin, hub.twins.get(device_id));
  OTA_TRY(const json statuses, hub.management.statuses(device_id));
  return to_json(device, twin, statuses);
}

Outcome<HttpResponse> handle_twins(Hub& hub, const Call& call) {
  OTA_TRY(demand(hub, call, Service::Hub, {Right::ServiceConnect}));
  if (call.is("GET", 2)) return show_twin(hub, call.segments[1]);
  if (call.is("PATCH", 2)) return write_twin(hub, call, Twins::Write::Merge);
  if (call.is("PUT", 2)) return write_twin(hub, call, Twins::Write::Replace);
  if (call.is("POST", 3) && call.segments[2] == "methods") return call_method(hub, call);
  return no_such_route(call);
}

}  // namespace ota::hub
