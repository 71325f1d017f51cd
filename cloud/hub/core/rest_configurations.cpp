// /configurations, and /devices/query.

#include <cstdint>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "cloud/hub/core/rest.hpp"
#include "cloud/hub/query/run.hpp"
#include "cloud/hub/twin/json_text.hpp"

namespace ota::hub {

namespace {

using nlohmann::json;

/// Writes a configuration in one transaction with all that follows from it for devices.
template <class Change>
Outcome<Ok> change_configurations(Hub& hub, const Change& change) {
  Notices notices;
  const auto run = [&]() -> Outcome<Ok> {
    OTA_TRY(auto transaction, Transaction::begin(hub.database));
    OTA_TRY(change(notices));
    return transaction.commit();
  };
  const auto done = run();
  hub.management.forget_rules();
  if (!done) return done.error();
  notices.deliver(hub.links);
  return Ok{};
}

Outcome<HttpResponse> show_configuration(Hub& hub, const std::string& id) {
  OTA_TRY(const json configuration, hub.configurations.show(id));
  return json_answer(configuration, configuration["etag"].get<std::string>());
}

/// How many configurations a client wants; all unless it says so.
std::size_t top_of(const Call& call) {
  const auto top = read_number<std::size_t>(call.parameter("top").value_or(""));
  return top && *top > 0 ? *top : SIZE_MAX;
}

std::string_view item_type(query::RowKind kind) {
  switch (kind) {
    case query::RowKind::Twin:
      return "Twin";
    case query::RowKind::DeviceJob:
      return "DeviceJob";
    case query::RowKind::Raw:
      break;
  }
  return "Raw";
}

}  // namespace

Outcome<HttpResponse> handle_configurations(Hub& hub, const Call& call) {
  OTA_TRY(demand_service_or_registry(hub, call));
  if (call.is("GET", 1)) {
    OTA_TRY(json list, hub.configurations.list());
    const std::size_t top = top_of(call);
    if (list.size() > top) list.erase(list.begin() + static_cast<std::ptrdiff_t>(top), list.end());
    return json_answer(list);
  }
  if (call.is("POST", 2) && call.segments[1] == "testQueries") {
    OTA_TRY(const json body, call.body());
    return json_answer(test_queries(body));
  }
  if (call.is("GET", 2)) return show_configuration(hub, call.segments[1]);
  const std::string id = call.segments.size() == 2 ? call.segments[1] : "";
  if (call.is("PUT", 2)) {
    OTA_TRY(const json body, call.body());
    OTA_TRY(change_configurations(hub, [&](Notices& notices) {
      return hub.configurations.put(id, body, call.if_match(), notices);
    }));
    return show_configuration(hub, id);
  }
  if (call.is("DELETE", 2)) {
    OTA_TRY(change_configurations(hub, [&](Notices& notices) {
      return hub.configurations.remove(id, call.if_match(), notices);
    }));
    return no_content();
  }
  return no_such_route(call);
}

Outcome<HttpResponse> handle_query(Hub& hub, const Call& call) {
  OTA_TRY(demand(hub, call, Service::Hub, {Right::ServiceConnect}));
  OTA_TRY(const json body, call.body());
  OTA_TRY(const std::string text, query_text(body));
  auto continuation = call.request.headers.find("x-ms-continuation");
  if (continuation && continuation->empty()) continuation.reset();
  OTA_TRY(const auto page,
          query::run(hub.database,
                     {.text = text, .rows_max = page_size(call), .continuation = continuation}));
  std::string rows;
  for (const std::string& item : page.items) {
    if (!rows.empty()) rows += ',';
    if (page.kind == query::RowKind::Twin) {
      OTA_TRY(const ShownTwin twin, show_twin(hub, item));
      rows += twin.text;
    } else {
      rows += item;
    }
  }
  HttpResponse response = text_answer("[" + rows + "]");
  response.headers.add("x-ms-item-type", std::string(item_type(page.kind)));
  if (page.continuation) response.headers.add("x-ms-continuation", *page.continuation);
  return response;
}

}  // namespace ota::hub
