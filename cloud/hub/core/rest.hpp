#pragma once

// The service REST of IoT Hub and DPS: routing, authentication, and the forms of answers and
// errors. Source: "Azure IoT Hub service REST"; azure-iothub (Node), azure-iot-hub (Python): what
// clients send and parse.

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/hub/core/hub.hpp"

namespace ota::hub {

/// One request, taken apart: path segments are percent-decoded exactly once.
struct Call {
  const HttpRequest& request;
  std::vector<std::string> segments;

  bool is(std::string_view method, std::size_t segment_count) const {
    return request.method == method && segments.size() == segment_count;
  }
  std::optional<std::string_view> if_match() const { return request.headers.find("If-Match"); }
  /// A query parameter, decoded; nothing if absent.
  std::optional<std::string> parameter(std::string_view name) const;
  /// The body as a JSON object. Errors: MessageTooLarge, FormatError, ArgumentInvalid,
  /// UnsupportedMediaType.
  Outcome<nlohmann::json> body() const;
  /// The same for a body that is an array.
  Outcome<nlohmann::json> list_body() const;
};

/// The answer of the hub or of DPS; nothing if the path belongs to neither.
std::optional<HttpResponse> handle_rest(Hub& hub, const HttpRequest& request);

// ---- For handlers ----
HttpResponse json_answer(const nlohmann::json& body, std::string_view etag = {});
/// The same with a body that is written already.
HttpResponse text_answer(std::string json, std::string_view etag = {});
HttpResponse no_content();
/// The answer of IoT Hub to a request that failed.
HttpResponse hub_failure(const Failure& failure, contract::UnixSeconds now);
/// The same for a direct method, where the text is JSON again, with the numeric code that Java's
/// SDK looks for.
HttpResponse method_failure(const Failure& failure, contract::UnixSeconds now);
/// Gives what a request to the hub waits for; nothing happens if its client has gone.
void give(Hub& hub, const std::weak_ptr<LaterAnswer>& caller, Outcome<HttpResponse> outcome);
/// The query in a body, whatever the case of its name: some clients write "Query". Errors:
/// ArgumentNull.
Outcome<std::string> query_text(const nlohmann::json& body);
/// The number of rows that a client wants in one page.
std::int64_t page_size(const Call& call);
Failure no_such_route(const Call& call);

/// Errors: Unauthorized, unless the request's token grants one of the rights; Throttled.
Outcome<Ok> demand(Hub& hub, const Call& call, Service service,
                   std::initializer_list<Right> any_of);
/// The same for what both services and operators of the registry do: configurations and jobs.
Outcome<Ok> demand_service_or_registry(Hub& hub, const Call& call);

Outcome<HttpResponse> handle_devices(Hub& hub, const Call& call);
Outcome<HttpResponse> handle_statistics(Hub& hub, const Call& call);
Outcome<HttpResponse> handle_twins(Hub& hub, const Call& call);
/// /devices/{id}/messages/...
bool is_message_path(const Call& call);
Outcome<HttpResponse> handle_messages(Hub& hub, const Call& call);
/// /messages/devicebound, addressed by a header field.
Outcome<HttpResponse> handle_addressed_message(Hub& hub, const Call& call);
/// DELETE /devices/{id}/commands, once the right is proven.
Outcome<HttpResponse> purge_messages(Hub& hub, const Call& call);
/// What only this hub offers: /$local/events.
Outcome<HttpResponse> handle_local(Hub& hub, const Call& call);
Outcome<HttpResponse> handle_configurations(Hub& hub, const Call& call);
Outcome<HttpResponse> handle_query(Hub& hub, const Call& call);
Outcome<HttpResponse> handle_jobs(Hub& hub, const Call& call);
/// POST /devices: up to a hundred identities in one request.
Outcome<HttpResponse> handle_bulk(Hub& hub, const Call& call);
Outcome<HttpResponse> handle_enrollments(Hub& hub, const Call& call);
Outcome<HttpResponse> handle_enrollment_groups(Hub& hub, const Call& call);
Outcome<HttpResponse> handle_registrations(Hub& hub, const Call& call);

/// A twin with the statuses of its configurations, as JSON. Errors: NotFound.
struct ShownTwin {
  std::string text;
  std::string etag;
};
Outcome<ShownTwin> show_twin(Hub& hub, const std::string& device_id);

}  // namespace ota::hub
