#include "cloud/rest/hub_client.hpp"

#include <nlohmann/json.hpp>

#include "cloud/rest/json_rows.hpp"
#include "contract/azure/percent.hpp"
#include "contract/json/json_text.hpp"

namespace ota::rest {
namespace {

using Json = nlohmann::json;

constexpr const char* kApiVersion = "2021-04-12";
constexpr int kPagesMax = 10'000;

ApiError unreadable(const HttpReply& reply, const std::string& what) {
  return {
      .kind = ApiError::Kind::Protocol,
      .http_status = reply.status,
      .code = "unreadable_answer",
      .message = "cannot " + what + ": the service's answer cannot be read; is this an IoT Hub?",
      .request_id = reply.header("x-ms-request-id").value_or("")};
}

std::string in_quotes(std::string_view id) { return "'" + std::string(id) + "'"; }

std::string path_of(const char* collection, std::string_view id) {
  return std::string("/") + collection + "/" + contract::percent_encode(id);
}

std::string text_at(const Json& object, const Json::json_pointer& path) {
  return object.contains(path) && object[path].is_string() ? object[path].get<std::string>()
                                                           : std::string();
}

ApiResult<DeviceIdentity> read_identity(const HttpReply& reply, const std::string& what) {
  const Json object = contract::read_json(reply.body);
  if (!object.is_object()) return unreadable(reply, what);
  using Path = Json::json_pointer;
  return DeviceIdentity{
      .id = text_at(object, Path("/deviceId")),
      .status = text_at(object, Path("/status")),
      .connection_state = text_at(object, Path("/connectionState")),
      .primary_key = text_at(object, Path("/authentication/symmetricKey/primaryKey"))};
}

}  // namespace

HubClient::HubClient(contract::HubConnection connection, ClientSetup setup, std::string base_url)
    : session_(std::move(connection), kApiVersion, std::move(setup), std::move(base_url)) {}

ApiResult<std::vector<Configuration>> HubClient::list_configurations() {
  const ServiceCall call{.method = "GET",
                         .path = "/configurations",
                         .query = "top=100",  // as many as a hub holds
                         .what = "list the configurations"};
  OTA_TRY(const HttpReply reply, session_.send(call));
  const auto rows = split_json_array(reply.body);
  if (!rows) return unreadable(reply, call.what);
  std::vector<Configuration> out;
  for (const std::string& row : *rows) {
    if (auto configuration = parse_configuration(row)) out.push_back(std::move(*configuration));
  }
  return out;
}

ApiResult<Configuration> HubClient::get_configuration(std::string_view id) {
  const ServiceCall call{.method = "GET",
                         .path = path_of("configurations", id),
                         .what = "read configuration " + in_quotes(id)};
  OTA_TRY(const HttpReply reply, session_.send(call));
  auto configuration = parse_configuration(reply.body);
  if (!configuration) return unreadable(reply, call.what);
  return std::move(*configuration);
}

ApiResult<Ok> HubClient::create_configuration(const Configuration& configuration) {
  OTA_TRY(session_.send({.method = "PUT",
                         .path = path_of("configurations", configuration.id),
                         .body = encode_configuration(configuration),
                         .repeatable = Repeatable::No,
                         .what = "create configuration " + in_quotes(configuration.id)}));
  return Ok{};
}

ApiResult<Ok> HubClient::update_configuration(const Configuration& configuration) {
  const std::string etag = configuration.etag.empty() ? "*" : "\"" + configuration.etag + "\"";
  OTA_TRY(session_.send({.method = "PUT",
                         .path = path_of("configurations", configuration.id),
                         .body = encode_configuration(configuration),
                         .headers = {{"If-Match", etag}},
                         .repeatable = Repeatable::No,
                         .what = "change configuration " + in_quotes(configuration.id)}));
  return Ok{};
}

ApiResult<Ok> HubClient::delete_configuration(std::string_view id) {
  OTA_TRY(session_.send({.method = "DELETE",
                         .path = path_of("configurations", id),
                         .headers = {{"If-Match", "*"}},
                         .what = "delete configuration " + in_quotes(id)}));
  return Ok{};
}

ApiResult<std::vector<JsonText>> HubClient::query_all(std::string_view query,
                                                      std::size_t rows_max) {
  ServiceCall call{.method = "POST",
                   .path = "/devices/query",
                   .body = query_body(query),
                   .what = "query the devices"};
  std::vector<JsonText> out;
  std::string continuation;
  for (int page = 0; page < kPagesMax; ++page) {
    call.headers = {{"x-ms-max-item-count", std::to_string(kQueryPageRows)}};
    if (!continuation.empty()) call.headers.emplace_back("x-ms-continuation", continuation);
    OTA_TRY(const HttpReply reply, session_.send(call));
    auto rows = split_json_array(reply.body);
    if (!rows) return unreadable(reply, call.what);
    for (std::string& row : *rows) out.push_back({std::move(row)});
    continuation = reply.header("x-ms-continuation").value_or("");
    if (continuation.empty()) return out;
    if (out.size() > rows_max) break;
  }
  return ApiError{.kind = ApiError::Kind::Protocol,
                  .http_status = 200,
                  .code = "too_many_rows",
                  .message = "the query gives more than " + std::to_string(rows_max) +
                             " devices; narrow it to one product and group"};
}

ApiResult<JsonText> HubClient::get_twin(std::string_view device_id) {
  OTA_TRY(HttpReply reply, session_.send({.method = "GET",
                                          .path = path_of("twins", device_id),
                                          .what = "read the twin of " + in_quotes(device_id)}));
  return JsonText{std::move(reply.body)};
}

ApiResult<JsonText> HubClient::patch_twin(std::string_view device_id, std::string_view patch) {
  OTA_TRY(HttpReply reply, session_.send({.method = "PATCH",
                                          .path = path_of("twins", device_id),
                                          .body = std::string(patch),
                                          .headers = {{"If-Match", "*"}},
                                          .what = "change the twin of " + in_quotes(device_id)}));
  return JsonText{std::move(reply.body)};
}

ApiResult<DeviceIdentity> HubClient::get_device(std::string_view device_id) {
  const ServiceCall call{.method = "GET",
                         .path = path_of("devices", device_id),
                         .what = "read device " + in_quotes(device_id)};
  OTA_TRY(const HttpReply reply, session_.send(call));
  return read_identity(reply, call.what);
}

ApiResult<DeviceIdentity> HubClient::create_device(std::string_view device_id) {
  const ServiceCall call{
      .method = "PUT",
      .path = path_of("devices", device_id),
      .body = Json{{"deviceId", device_id}}.dump(-1, ' ', false, Json::error_handler_t::replace),
      .repeatable = Repeatable::No,
      .what = "create device " + in_quotes(device_id)};
  OTA_TRY(const HttpReply reply, session_.send(call));
  return read_identity(reply, call.what);
}

ApiResult<Ok> HubClient::delete_device(std::string_view device_id) {
  OTA_TRY(session_.send({.method = "DELETE",
                         .path = path_of("devices", device_id),
                         .headers = {{"If-Match", "*"}},
                         .what = "delete device " + in_quotes(device_id)}));
  return Ok{};
}

}  // namespace ota::rest
