#include "cloud/rest/service_error.hpp"

#include <nlohmann/json.hpp>

#include "cloud/rest/retry.hpp"
#include "contract/json/json_text.hpp"

namespace ota::rest {
namespace {

using Json = nlohmann::json;

struct Said {
  std::string code;
  std::string text;
};

std::string text_member(const Json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

/// {"errorCode":404201,"message":"..."}: DPS, and inside of IoT Hub's second form.
Said read_numbered(const Json& object) {
  Said said{.code = {}, .text = text_member(object, "message")};
  if (const auto it = object.find("errorCode"); it != object.end()) {
    said.code = it->is_string() ? it->get<std::string>() : it->dump();
  }
  return said;
}

/// "ErrorCode:DeviceNotFound;E2023: Device not found"
Said read_named(const std::string& message) {
  constexpr std::string_view kPrefix = "ErrorCode:";
  if (!message.starts_with(kPrefix)) return {.code = {}, .text = message};
  const std::size_t end = message.find(';');
  Said said{.code = message.substr(kPrefix.size(), end - kPrefix.size()), .text = {}};
  if (end != std::string::npos) said.text = message.substr(end + 1);
  return said;
}

Said read_json(const std::string& body) {
  const Json object = contract::read_json(body);
  if (!object.is_object()) return {};
  const std::string message = text_member(object, "Message");
  if (message.empty()) return read_numbered(object);
  const Json inner = contract::read_json(message);
  return inner.is_object() ? read_numbered(inner) : read_named(message);
}

std::string xml_element(const std::string& body, const std::string& name) {
  const std::size_t start = body.find("<" + name + ">");
  if (start == std::string::npos) return {};
  const std::size_t from = start + name.size() + 2;
  const std::size_t end = body.find("</" + name + ">", from);
  return end == std::string::npos ? std::string() : body.substr(from, end - from);
}

Said read_body(const std::string& body) {
  if (body.find("<Error>") == std::string::npos) return read_json(body);
  const std::string message = xml_element(body, "Message");
  return {.code = xml_element(body, "Code"), .text = message.substr(0, message.find('\n'))};
}

ApiError::Kind kind_of(int status, const std::string& code) {
  using Kind = ApiError::Kind;
  if (status == 429 || code == "IotHubQuotaExceeded" || code == "ServerBusy") {
    return Kind::Throttled;
  }
  if (status == 401 || status == 403) return Kind::Unauthorized;
  if (status == 404) return Kind::NotFound;
  if (status == 409 || status == 412) return Kind::Conflict;
  return Kind::Protocol;
}

std::string advice_for(ApiError::Kind kind, int status) {
  switch (kind) {
    case ApiError::Kind::Unauthorized:
      return "; check the key in the connection string or profile and this machine's clock";
    case ApiError::Kind::Throttled:
      return "; wait and try again";
    case ApiError::Kind::Network:
    case ApiError::Kind::Conflict:
    case ApiError::Kind::NotFound:
    case ApiError::Kind::Protocol:
      break;
  }
  if (status == 507) return "; the disk of the hub is full: make room there and try again";
  return status >= 500 ? "; the service failed: look at its log or try again" : "";
}

}  // namespace

ApiError service_error(const HttpReply& reply, const std::string& what) {
  Said said = read_body(reply.body);
  for (const char* name : {"x-ms-error-code", "iothub-errorcode"}) {
    if (const auto code = reply.header(name)) said.code = *code;
  }
  ApiError error{.kind = kind_of(reply.status, said.code),
                 .http_status = reply.status,
                 .code = said.code,
                 .request_id = reply.header("x-ms-request-id").value_or(""),
                 .retry_after_s = retry_after_seconds(reply)};
  const bool refused = error.kind == ApiError::Kind::Unauthorized;
  error.message = "cannot " + what + ": " +
                  (refused ? "the service refused the key or token" : "the service answered") +
                  " (HTTP " + std::to_string(reply.status) +
                  (said.code.empty() ? "" : " " + said.code) + ")";
  if (!said.text.empty()) error.message += ": " + said.text;
  while (error.message.ends_with('.')) error.message.pop_back();
  error.message += advice_for(error.kind, reply.status);
  return error;
}

ApiResult<HttpReply> judged(ApiResult<HttpReply> result, const SentRequest& request) {
  if (result && result->status >= 200 && result->status <= 299) return result;
  ApiError error = result ? service_error(*result, request.what) : result.error();
  error.client_request_id = request.id;
  return error;
}

}  // namespace ota::rest
