#include "cloud/rest/service_session.hpp"

#include <algorithm>

#include "cloud/rest/service_error.hpp"

namespace ota::rest {
namespace {

constexpr contract::UnixSeconds kTokenLifetimeSeconds = 3600;
constexpr contract::UnixSeconds kTokenMarginSeconds = 300;

bool has_content_type(const ServiceCall& call) {
  return std::any_of(call.headers.begin(), call.headers.end(),
                     [](const auto& field) { return field.first == "Content-Type"; });
}

}  // namespace

ServiceSession::ServiceSession(contract::HubConnection connection, std::string api_version,
                               ClientSetup setup, std::string base_url)
    : connection_(std::move(connection)),
      api_version_(std::move(api_version)),
      setup_(std::move(setup)),
      base_url_(base_url.empty() ? "https://" + connection_.host_name : std::move(base_url)),
      http_(setup_.http),
      retry_(setup_.pause, setup_.random, setup_.retry) {}

const std::string& ServiceSession::token() {
  const contract::UnixSeconds now = setup_.now();
  if (now + kTokenMarginSeconds >= token_expiry_) {
    token_expiry_ = now + kTokenLifetimeSeconds;
    token_ = contract::make_hub_sas(connection_.host_name, connection_.key, token_expiry_,
                                    connection_.policy);
  }
  return token_;
}

ApiResult<HttpReply> ServiceSession::send(const ServiceCall& call) {
  std::string request_id;
  const auto attempt = [this, &call, &request_id] {
    HttpRequest request;
    request.method = call.method;
    request.url = base_url_ + call.path + "?api-version=" + api_version_ +
                  (call.query.empty() ? "" : "&" + call.query);
    request.headers = call.headers;
    request.headers.emplace_back("Authorization", token());
    request.headers.emplace_back("Accept", "application/json");
    request_id = new_request_id();
    request.headers.emplace_back("Request-Id", request_id);
    if (!call.body.empty() && !has_content_type(call)) {
      request.headers.emplace_back("Content-Type", "application/json; charset=utf-8");
    }
    request.body = call.body;
    request.answer_timeout_s = call.answer_timeout_s;
    request.on_piece = call.on_piece;
    return http_.send(request);
  };
  auto result = retry_.run(call.repeatable, attempt);
  return judged(std::move(result), {.what = call.what, .id = request_id});
}

}  // namespace ota::rest
