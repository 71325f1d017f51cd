#include "cloud/hub/net/http_router.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/ip/address.hpp>
#include <exception>
#include <utility>

#include "cloud/hub/http/gathered_body.hpp"
#include "cloud/hub/websocket/handshake.hpp"

namespace ota::hub {
namespace {

// IoT Hub and DPS have the same one; the MQTT user name says which of them is meant.
constexpr std::string_view kWebSocketPath = "/$iothub/websocket";
constexpr std::string_view kWebSocketPathEncoded = "/%24iothub/websocket";
constexpr std::string_view kWebSocketPathOfPaho = "/mqtt";  // what it asks for without a path

Reply json_error(int status, std::string_view name, std::string_view text) {
  Reply reply;
  reply.status = status;
  reply.headers.add("Content-Type", "application/json; charset=utf-8");
  reply.headers.add("iothub-errorcode", std::string(name));
  reply.body = R"({"Message":"ErrorCode:)" + std::string(name) + ";" + std::string(text) + R"("})";
  return reply;
}

Reply plain_text(int status, std::string body,
                 std::string content_type = "text/plain; charset=utf-8") {
  Reply reply;
  reply.status = status;
  reply.headers.add("Content-Type", std::move(content_type));
  reply.headers.add("Cache-Control", "no-store");
  reply.body = std::move(body);
  return reply;
}

bool only_reads(const RequestHead& head) { return head.method == "GET" || head.method == "HEAD"; }

Reply not_a_read() { return json_error(405, "MethodNotAllowed", "only GET and HEAD"); }

bool on_this_machine(const std::string& address) {
  boost::system::error_code code;
  const auto parsed = boost::asio::ip::make_address(address, code);
  if (code) return false;
  if (parsed.is_v6() && parsed.to_v6().is_v4_mapped()) {
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, parsed.to_v6())
        .is_loopback();
  }
  return parsed.is_loopback();
}

/// A failure that a person sees names the request's id: with it the log tells what was asked.
class Refusal {
 public:
  explicit Refusal(const HttpRequest& request) : what_(request.method + " " + request.path) {
    constexpr std::size_t kShownMax = 64;
    const auto sent = request.headers.find("Request-Id");
    id_ = sent.value_or("-").substr(0, kShownMax);
    for (char& c : id_) {
      if (c <= 0x20 || c > 0x7E) c = '.';
    }
  }
  void log(int status) const {
    if (status < 400) return;
    spdlog::log(status >= 500 ? spdlog::level::warn : spdlog::level::info,
                "{}: answered {}; request {}", what_, status, id_);
  }

 private:
  std::string what_;
  std::string id_;
};

/// Passes a later answer on; an expired pointer still says that nobody waits.
struct Overheard final : LaterAnswer {
  std::shared_ptr<LaterAnswer> inner;
};

std::shared_ptr<LaterAnswer> log_later(const HttpRequest& request,
                                       std::shared_ptr<LaterAnswer> inner) {
  auto outer = std::make_shared<Overheard>();
  inner->on_given([weak = std::weak_ptr<Overheard>(outer), refusal = Refusal(request)] {
    const auto waiting = weak.lock();
    if (!waiting) return;
    auto response = waiting->inner->take();
    refusal.log(response->status);
    waiting->give(std::move(*response));
  });
  outer->inner = std::move(inner);
  return outer;
}

Route route_of_service(std::string_view path) {
  constexpr std::pair<std::string_view, Route> kRoutes[] = {
      {"/twins", Route::Twins},
      {"/devices", Route::Devices},
      {"/statistics", Route::Devices},
      {"/messages", Route::Devices},
      {"/configurations", Route::Configurations},
      {"/jobs", Route::Jobs},
      {"/enrollments", Route::Enrollments},
      {"/enrollmentGroups", Route::Enrollments},
      {"/registrations", Route::Enrollments},
  };
  for (const auto& [prefix, route] : kRoutes) {
    if (path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/'))
      return route;
  }
  return Route::Unknown;
}

}  // namespace

std::uint8_t HttpRouter::route_of(std::string_view path) const {
  Route route = Route::Unknown;
  if (path == "/healthz") {
    route = Route::Health;
  } else if (path == "/metrics") {
    route = Route::Metrics;
  } else if (path == account_path_ || path.starts_with(account_path_ + "/")) {
    route = Route::Blobs;
  } else if (path == kWebSocketPath || path == kWebSocketPathEncoded ||
             path == kWebSocketPathOfPaho) {
    route = Route::WebSocket;
  } else {
    route = route_of_service(path);
  }
  return static_cast<std::uint8_t>(route);
}

Begun HttpRouter::begin(RequestHead head) {
  head.encrypted = listener_ == Listener::Encrypted;
  const auto route = static_cast<Route>(route_of(head.path));
  if (route == Route::Health) return about_health(head);
  if (route == Route::Metrics) return about_metrics(head);
  if (route == Route::Blobs) return parts_.blobs.begin(std::move(head));
  if (listener_ == Listener::Open) {
    return json_error(
        403, "InvalidProtocol",
        "without TLS there are only blobs, /healthz and /metrics; use the HTTPS port");
  }
  if (route == Route::WebSocket) {
    return websocket::answer_upgrade(head, "mqtt",
                                     [this, certificate = head.peer_certificate](Instant now) {
                                       return parts_.make_mqtt(certificate, now);
                                     });
  }
  return gather_body(std::move(head), kRestBodyBytesMax,
                     [this](const HttpRequest& request) { return ask_core(request); });
}

Reply HttpRouter::about_health(const RequestHead& head) {
  if (!only_reads(head)) return not_a_read();
  const auto health = parts_.oversight.health();
  return health ? plain_text(200, "ok\n") : plain_text(503, health.error() + "\n");
}

/// The page names no device, but how busy a hub is concerns only its operator.
Reply HttpRouter::about_metrics(const RequestHead& head) {
  if (!only_reads(head)) return not_a_read();
  if (listener_ == Listener::Encrypted && !on_this_machine(head.peer_address)) {
    return plain_text(
        403,
        "metrics are read from this machine, or on the port of --http-port by whoever "
        "reaches it\n");
  }
  return plain_text(200, parts_.oversight.metrics(), "text/plain; version=0.0.4; charset=utf-8");
}

Reply HttpRouter::ask_core(const HttpRequest& request) {
  try {
    if (auto response = parts_.core.handle(request)) {
      if (response->later) {
        response->later = log_later(request, std::move(response->later));
      } else if (response->status >= 400) {
        Refusal(request).log(response->status);
      }
      return to_reply(std::move(*response));
    }
  } catch (const std::exception& error) {
    spdlog::error("{} {}: {}", request.method, request.path, error.what());
    return json_error(500, "ServerError", "internal error; the hub's log has the reason");
  }
  return json_error(404, "NotFound", "this hub has nothing at that path");
}

}  // namespace ota::hub
