#include "cloud/hub/net/http_router.hpp"

#include <spdlog/spdlog.h>

#include <exception>
#include <utility>

#include "cloud/hub/http/gathered_body.hpp"
#include "cloud/hub/websocket/handshake.hpp"

namespace ota::hub {
namespace {

// IoT Hub and DPS have the same one; the MQTT user name says which of them is meant.
constexpr std::string_view kWebSocketPath = "/$iothub/websocket";
constexpr std::string_view kWebSocketPathEncoded = "/%24iothub/websocket";

Reply json_error(int status, std::string_view name, std::string_view text) {
  Reply reply;
  reply.status = status;
  reply.headers.add("Content-Type", "application/json; charset=utf-8");
  reply.headers.add("iothub-errorcode", std::string(name));
  reply.body = R"({"Message":"ErrorCode:)" + std::string(name) + ";" + std::string(text) + R"("})";
  return reply;
}

Reply healthy() {
  Reply reply;
  reply.headers.add("Content-Type", "text/plain; charset=utf-8");
  reply.headers.add("Cache-Control", "no-store");
  reply.body = "ok\n";
  return reply;
}

}  // namespace

Begun HttpRouter::begin(RequestHead head) {
  if (head.path == "/healthz") {
    if (head.method == "GET" || head.method == "HEAD") return healthy();
    return json_error(405, "MethodNotAllowed", "only GET and HEAD");
  }
  if (head.path == account_path_ || head.path.starts_with(account_path_ + "/"))
    return blobs_.begin(std::move(head));
  if (head.path == kWebSocketPath || head.path == kWebSocketPathEncoded) {
    return websocket::answer_upgrade(head, "mqtt",
                                     [this, certificate = head.peer_certificate](Instant now) {
                                       return make_mqtt_(certificate, now);
                                     });
  }
  return gather_body(std::move(head), kRestBodyBytesMax,
                     [this](const HttpRequest& request) { return ask_core(request); });
}

Reply HttpRouter::ask_core(const HttpRequest& request) {
  try {
    if (auto response = core_.handle(request)) return to_reply(std::move(*response));
  } catch (const std::exception& error) {
    spdlog::error("{} {}: {}", request.method, request.path, error.what());
    return json_error(500, "ServerError", "internal error; the hub's log has the reason");
  }
  return json_error(404, "NotFound", "this hub has nothing at that path");
}

}  // namespace ota::hub
