// Messages over HTTPS: what services send to devices, and what devices receive and send.
// Source: "Azure IoT Hub device REST"; "Understand cloud-to-device messaging from an IoT hub".

#include <nlohmann/json.hpp>

#include "base/encoding.hpp"
#include "cloud/hub/core/message_fields.hpp"
#include "cloud/hub/core/rest.hpp"
#include "cloud/hub/core/secrets.hpp"
#include "cloud/hub/twin/json_text.hpp"
#include "contract/azure/percent.hpp"

namespace ota::hub {

namespace {

using nlohmann::json;

constexpr std::size_t kTelemetryBytesMax = 256 * 1024;
constexpr std::string_view kBatchType = "application/vnd.microsoft.iothub.json";

/// The device itself, by a token of its own or of a policy with DeviceConnect.
Outcome<Ok> demand_device(Hub& hub, const Call& call, const std::string& device_id) {
  const auto token = call.request.headers.find("Authorization");
  const auto login =
      hub.device_login.check({.host = hub.settings.host_names.front(),
                              .device_id = device_id,
                              .module_id = {},
                              .model_id = {}},
                             {.client_id = device_id, .password = token.value_or("")});
  if (token && !token->empty() && login) return Ok{};
  return Failure{code::kUnauthorized,
                 "the token is missing, invalid, expired, or not one of this device"};
}

// ---- Services send ----

Outcome<contract::UnixSeconds> expiry_of(const Hub& hub, const Call& call) {
  const contract::UnixSeconds now = hub.settings.now();
  const auto header = call.request.headers.find("iothub-expiry");
  if (!header || header->empty()) return now + kMessageLifeS;
  const auto expiry = contract::parse_iso8601(*header);
  if (!expiry) return invalid("iothub-expiry is not a time such as 2030-01-31T12:00:00Z");
  if (*expiry > now + kMessageLifeMaxS) return invalid("iothub-expiry is more than 48 hours ahead");
  return *expiry;
}

Outcome<Ok> check_ack(const Call& call) {
  const auto ack = call.request.headers.find("iothub-ack");
  if (!ack || ack->empty()) return Ok{};
  for (const std::string_view known : {"none", "positive", "negative", "full"}) {
    if (equal_ignoring_case(*ack, known)) return Ok{};
  }
  return invalid("iothub-ack is not none, positive, negative or full");
}

Outcome<HttpResponse> send_message(Hub& hub, const Call& call, const std::string& device_id) {
  OTA_TRY(demand(hub, call, Service::Hub, {Right::ServiceConnect}));
  OTA_TRY(const Device device, hub.registry.get(device_id));
  if (!device.enabled()) return Failure{code::kNotFound, "device " + device_id + " is disabled"};
  if (call.request.body.size() > kMessageBytesMax)
    return Failure{code::kMessageTooLarge, "the message is larger than 64 KiB"};
  OTA_TRY(const auto expires, expiry_of(hub, call));
  OTA_TRY(check_ack(call));
  OTA_TRY(const std::string given, bag_of_headers(call.request.headers));
  std::string bag;
  if (!call.request.headers.find("iothub-messageid")) add_to_bag(bag, "$.mid", random_guid());
  add_to_bag(bag, "$.to", "/devices/" + device_id + "/messages/deviceBound");
  if (!given.empty()) bag += "&" + given;
  OTA_TRY(hub.messages.enqueue(
      device_id, {.properties = std::move(bag), .body = call.request.body, .expires = expires}));
  return no_content();
}

/// "/devices/{id}/messages/devicebound" of the field iothub-to.
Outcome<std::string> addressee(const Call& call) {
  std::string_view to = call.request.headers.find("iothub-to").value_or("");
  constexpr std::string_view kBefore = "/devices/";
  constexpr std::string_view kAfter = "/messages/devicebound";
  if (to.size() > kBefore.size() + kAfter.size() && to.starts_with(kBefore) &&
      equal_ignoring_case(to.substr(to.size() - kAfter.size()), kAfter)) {
    to.remove_prefix(kBefore.size());
    to.remove_suffix(kAfter.size());
    if (const auto id = contract::percent_decode(to)) return *id;
  }
  return invalid("iothub-to is not /devices/{id}/messages/devicebound");
}

// ---- Devices receive ----

Outcome<HttpResponse> fetch_message(Hub& hub, const std::string& device_id) {
  OTA_TRY(const auto message, hub.messages.fetch(device_id));
  if (!message) return no_content();
  HttpResponse response;
  response.headers.add("Content-Type", "application/octet-stream");
  response.headers.add("ETag", "\"" + message->lock_token + "\"");
  response.headers.add("iothub-sequencenumber", std::to_string(message->sequence));
  response.headers.add("iothub-enqueuedtime", message->enqueued);
  response.headers.add("iothub-deliverycount", std::to_string(message->deliveries));
  add_headers_of_bag(message->properties, response.headers);
  response.body = message->body;
  return response;
}

Outcome<HttpResponse> settle_message(Hub& hub, const Call& call, Messages::Settlement how) {
  OTA_TRY(hub.messages.settle(call.segments[1], call.segments[4], how));
  return no_content();
}

// ---- Devices send ----

/// Header fields of one message of a batch: {"iothub-app-color": "red", "iothub-messageid": "1"}.
Outcome<HttpHeaders> fields_of(const json& message) {
  HttpHeaders fields;
  const auto properties = message.find("properties");
  if (properties == message.end() || properties->is_null()) return fields;
  if (!properties->is_object()) return invalid("'properties' of a message is not an object");
  for (const auto& [name, value] : properties->items()) {
    if (!value.is_string()) return invalid("a property of a message is not a string");
    fields.add(name, value.get<std::string>());
  }
  return fields;
}

Outcome<std::string> body_of(const json& message) {
  const auto body = message.find("body");
  if (body == message.end() || !body->is_string())
    return invalid("a message has no 'body' of text");
  const auto& text = body->get_ref<const std::string&>();
  if (!message.value("base64Encoded", true)) return text;
  const auto bytes = from_base64(text);
  if (!bytes) return invalid("the 'body' of a message is not base64");
  return std::string(text_of(*bytes));
}

struct Telemetry {
  std::string properties;
  std::string body;
};

Outcome<std::vector<Telemetry>> read_batch(const std::string& text) {
  OTA_TRY(const json batch, parse_json(text, {.bytes_max = kTelemetryBytesMax, .depth_max = 8}));
  if (!batch.is_array()) return invalid("a batch of messages is not a JSON array");
  std::vector<Telemetry> messages;
  for (const json& message : batch) {
    if (!message.is_object()) return invalid("a message of a batch is not a JSON object");
    const auto encoded = message.find("base64Encoded");
    if (encoded != message.end() && !encoded->is_boolean())
      return invalid("'base64Encoded' is neither true nor false");
    OTA_TRY(const HttpHeaders fields, fields_of(message));
    OTA_TRY(std::string properties, bag_of_headers(fields));
    OTA_TRY(std::string body, body_of(message));
    messages.push_back({std::move(properties), std::move(body)});
  }
  return messages;
}

Outcome<HttpResponse> take_events(Hub& hub, const Call& call, const std::string& device_id) {
  if (call.request.body.size() > kTelemetryBytesMax)
    return Failure{code::kMessageTooLarge, "the message is larger than 256 KiB"};
  std::vector<Telemetry> messages;
  if (call.request.headers.find("Content-Type").value_or("").starts_with(kBatchType)) {
    OTA_TRY(messages, read_batch(call.request.body));
  } else {
    OTA_TRY(std::string properties, bag_of_headers(call.request.headers));
    messages.push_back({std::move(properties), call.request.body});
  }
  const Connected sender = facts_of(hub, device_id);
  for (const Telemetry& message : messages)
    take_telemetry(hub, device_id, message.properties, message.body, sender);
  return no_content();
}

}  // namespace

bool is_message_path(const Call& call) {
  return call.segments.size() >= 4 && call.segments[2] == "messages";
}

Outcome<HttpResponse> handle_messages(Hub& hub, const Call& call) {
  const std::string& device_id = call.segments[1];
  const bool devicebound = equal_ignoring_case(call.segments[3], "devicebound");
  if (devicebound && call.is("POST", 4)) return send_message(hub, call, device_id);
  OTA_TRY(demand_device(hub, call, device_id));
  if (devicebound && call.is("GET", 4)) return fetch_message(hub, device_id);
  if (devicebound && call.is("DELETE", 5)) {
    const bool reject = call.parameter("reject").has_value();
    return settle_message(hub, call,
                          reject ? Messages::Settlement::Reject : Messages::Settlement::Complete);
  }
  if (devicebound && call.is("POST", 6) && call.segments[5] == "abandon")
    return settle_message(hub, call, Messages::Settlement::Abandon);
  if (equal_ignoring_case(call.segments[3], "events") && call.is("POST", 4))
    return take_events(hub, call, device_id);
  return no_such_route(call);
}

Outcome<HttpResponse> handle_addressed_message(Hub& hub, const Call& call) {
  if (!call.is("POST", 2) || !equal_ignoring_case(call.segments[1], "devicebound")) {
    OTA_TRY(demand(hub, call, Service::Hub, {Right::ServiceConnect}));
    return no_such_route(call);
  }
  OTA_TRY(const std::string device_id, addressee(call));
  return send_message(hub, call, device_id);
}

Outcome<HttpResponse> purge_messages(Hub& hub, const Call& call) {
  OTA_TRY(const Device device, hub.registry.get(call.segments[1]));
  OTA_TRY(const auto count, hub.messages.purge(device.id));
  return json_answer(
      {{"totalMessagesPurged", count}, {"deviceId", device.id}, {"moduleId", nullptr}});
}

}  // namespace ota::hub
