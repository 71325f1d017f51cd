// /twins: device twins and direct methods.

#include <nlohmann/json.hpp>

#include "cloud/hub/core/rest.hpp"

namespace ota::hub {

namespace {

using nlohmann::json;

Outcome<HttpResponse> twin_answer(Hub& hub, const std::string& id) {
  OTA_TRY(auto twin, show_twin(hub, id));
  return text_answer(std::move(twin.text), twin.etag);
}

Outcome<HttpResponse> write_twin(Hub& hub, const Call& call, Twins::Write how) {
  OTA_TRY(json body, call.body());
  std::optional<std::string> if_match;
  if (const auto given = call.if_match()) if_match = *given;
  HttpResponse response;
  response.later = std::make_shared<LaterAnswer>();
  hub.changes.add<HttpResponse>(
      call.request.body.size(),
      [&hub, id = call.segments[1], body = std::move(body), how,
       if_match](Notices& notices) -> Outcome<HttpResponse> {
        OTA_TRY(hub.management.write_twin(id, body, how, if_match, notices));
        return twin_answer(hub, id);
      },
      [&hub, caller = std::weak_ptr<LaterAnswer>(response.later)](Outcome<HttpResponse> outcome) {
        give(hub, caller, std::move(outcome));
      });
  return response;
}

/// The device's own words, so its payload is not parsed into values and written again.
HttpResponse method_answer(const MethodAnswer& answer) {
  return text_answer(R"({"status":)" + std::to_string(answer.status) + R"(,"payload":)" +
                     answer.payload + "}");
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
        give(hub, caller,
             outcome ? method_answer(outcome.value())
                     : method_failure(outcome.error(), hub.settings.now()));
      },
      [caller] { return !caller.expired(); });
  return response;
}

}  // namespace

Outcome<ShownTwin> show_twin(Hub& hub, const std::string& device_id) {
  OTA_TRY(const Device device, hub.registry.get(device_id));
  OTA_TRY(const Twin twin, hub.twins.get(device_id));
  OTA_TRY(const json statuses, hub.management.statuses(device_id));
  return ShownTwin{.text = to_text(device, twin, statuses), .etag = twin.etag};
}

Outcome<HttpResponse> handle_twins(Hub& hub, const Call& call) {
  OTA_TRY(demand(hub, call, Service::Hub, {Right::ServiceConnect}));
  if (call.is("GET", 2)) return twin_answer(hub, call.segments[1]);
  if (call.is("PATCH", 2)) return write_twin(hub, call, Twins::Write::Merge);
  if (call.is("PUT", 2)) return write_twin(hub, call, Twins::Write::Replace);
  if (call.is("POST", 3) && call.segments[2] == "methods") {
    auto outcome = call_method(hub, call);
    return outcome ? std::move(outcome).value()
                   : method_failure(outcome.error(), hub.settings.now());
  }
  return no_such_route(call);
}

}  // namespace ota::hub
