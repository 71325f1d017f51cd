// /$local: what only this hub offers. Azure tells of events over AMQP and the Event Hubs protocol.

#include <algorithm>

#include "base/text.hpp"
#include "cloud/hub/core/rest.hpp"

namespace ota::hub {

namespace {

Outcome<std::uint64_t> first_event(const Hub& hub, const Call& call) {
  const auto from = call.parameter("from");
  if (!from) return hub.events.next_sequence();
  if (const auto number = read_number<std::uint64_t>(*from)) return *number;
  return Failure{code::kArgumentInvalid, "'from' is not the number of an event"};
}

/// "telemetry,twin".
Outcome<std::set<EventType>> types_of(const Call& call) {
  std::set<EventType> types;
  const std::string text = call.parameter("type").value_or("");
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view word = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    const auto type = event_type(word);
    if (!type) {
      return Failure{code::kArgumentInvalid,
                     "'" + std::string(word) +
                         "' is not a type of events: telemetry, twin, lifecycle, connection"};
    }
    types.insert(*type);
  }
  return types;
}

}  // namespace

Outcome<HttpResponse> handle_local(Hub& hub, const Call& call) {
  OTA_TRY(demand(hub, call, Service::Hub, {Right::ServiceConnect}));
  if (!call.is("GET", 2) || call.segments[1] != "events") return no_such_route(call);
  OTA_TRY(const auto from, first_event(hub, call));
  OTA_TRY(auto types, types_of(call));
  HttpResponse response;
  response.headers.add("Content-Type", "application/x-ndjson");
  response.live = hub.events.open_reader(
      from, {.device_id = call.parameter("device").value_or(""), .types = std::move(types)});
  if (response.live == nullptr) {
    return Failure{code::kThrottled, "the hub tells events to " + std::to_string(kEventReadersMax) +
                                         " clients already; end one of them"};
  }
  return response;
}

}  // namespace ota::hub
