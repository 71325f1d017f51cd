#include "device/host/net/mqtt_link.hpp"

#include <mosquitto.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <cstring>
#include <string_view>
#include <utility>

#include "base/assert.hpp"

namespace ota::net {
namespace {

constexpr int kKeepAliveSeconds = 60;
constexpr char kSystemCertificates[] = "/etc/ssl/certs";

void initialise_mosquitto() {
  static const int code = mosquitto_lib_init();
  OTA_ASSERT(code == MOSQ_ERR_SUCCESS);
}

const char* or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

std::string error_text(int code) {
  return code == MOSQ_ERR_ERRNO ? std::strerror(errno) : mosquitto_strerror(code);
}

}  // namespace

struct MqttLink::Client {
  mosquitto* handle = nullptr;
  std::vector<LinkEvent> events;
  std::string last_tls_error;
  bool over = false;        // Refused or Lost was said
  bool connecting = false;  // TCP has not answered yet

  ~Client() {
    if (handle != nullptr) mosquitto_destroy(handle);
  }

  void lose(std::string reason) {
    if (std::exchange(over, true)) return;
    if (!last_tls_error.empty()) reason += " (" + last_tls_error + ")";
    events.push_back(link_event::Lost{std::move(reason)});
  }

  /// True once TCP is connected. libmosquitto's own loop would spin on a socket whose connect
  /// failed.
  bool tcp_ready(int wait_ms) {
    if (!connecting) return true;
    pollfd entry{mosquitto_socket(handle), POLLOUT, 0};
    if (::poll(&entry, 1, wait_ms) <= 0) return false;
    // SO_ERROR may be read already: OpenSSL wrote to the socket first. Only a connected one has a
    // peer.
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    if (::getpeername(entry.fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      lose("cannot connect to the server");
      return false;
    }
    connecting = false;
    return true;
  }

  static Client& of(void* self) { return *static_cast<Client*>(self); }

  static void on_connect(mosquitto*, void* self, int code) {
    Client& client = of(self);
    if (code == 0) {
      client.events.emplace_back(std::in_place_type<link_event::Connected>);
    } else if (!std::exchange(client.over, true)) {
      client.events.push_back(link_event::Refused{code, mosquitto_connack_string(code)});
    }
  }

  static void on_subscribe(mosquitto*, void* self, int, int count, const int* granted) {
    for (int i = 0; i < count; ++i) {
      if (granted[i] > 2) return of(self).lose("the server refused a subscription");
    }
    of(self).events.emplace_back(std::in_place_type<link_event::Subscribed>);
  }

  static void on_message(mosquitto*, void* self, const mosquitto_message* message) {
    of(self).events.push_back(link_event::Message{
        message->topic, std::string(static_cast<const char*>(message->payload),
                                    static_cast<std::size_t>(message->payloadlen))});
  }

  /// libmosquitto logs packet types, topics and OpenSSL's errors; never the password.
  static void on_log(mosquitto*, void* self, int level, const char* text) {
    if (level == MOSQ_LOG_ERR && std::string_view(text).find("OpenSSL") != std::string_view::npos) {
      of(self).last_tls_error = text;
    }
    spdlog::trace("mqtt: {}", text);
  }
};

MqttLink::MqttLink() { initialise_mosquitto(); }
MqttLink::~MqttLink() = default;

Result<Ok, std::string> MqttLink::open(const MqttPeer& peer) {
  client_ = std::make_unique<Client>();
  // A clean session: the twin is fetched after every connect, and unacknowledged reports are sent
  // again by the session.
  client_->handle = mosquitto_new(peer.login.client_id.c_str(), true, client_.get());
  if (client_->handle == nullptr) return std::string("the client id is not valid MQTT text");
  mosquitto* const handle = client_->handle;
  mosquitto_connect_callback_set(handle, &Client::on_connect);
  mosquitto_subscribe_callback_set(handle, &Client::on_subscribe);
  mosquitto_message_callback_set(handle, &Client::on_message);
  mosquitto_log_callback_set(handle, &Client::on_log);
  const char* const authority_folder = peer.ca_file.empty() ? kSystemCertificates : nullptr;
  if (const int code = mosquitto_tls_set(handle, or_null(peer.ca_file), authority_folder,
                                         or_null(peer.cert_file), or_null(peer.key_file), nullptr);
      code != MOSQ_ERR_SUCCESS) {
    return "cannot use the certificate files for TLS: " + error_text(code) +
           "; check ca_file, cert and key";
  }
  mosquitto_username_pw_set(handle, peer.login.user_name.c_str(), or_null(peer.login.password));
  if (peer.proxy) {
    mosquitto_socks5_set(handle, peer.proxy->host.c_str(), peer.proxy->port, nullptr, nullptr);
  }
  const int code = mosquitto_connect_async(handle, peer.endpoint.host.c_str(), peer.endpoint.port,
                                           kKeepAliveSeconds);
  if (code > 0) {  // Below zero: under way.
    const std::string& detail = client_->last_tls_error;
    return detail.empty() ? error_text(code) : error_text(code) + " (" + detail + ")";
  }
  client_->connecting = true;
  return Ok{};
}

void MqttLink::subscribe(const std::vector<std::string>& filters) {
  if (!client_ || client_->over) return;
  std::vector<char*> texts;
  texts.reserve(filters.size());
  for (const std::string& filter : filters) texts.push_back(const_cast<char*>(filter.c_str()));
  const int code = mosquitto_subscribe_multiple(
      client_->handle, nullptr, static_cast<int>(texts.size()), texts.data(), 1, 0, nullptr);
  if (code != MOSQ_ERR_SUCCESS) client_->lose(error_text(code));
}

void MqttLink::publish(const Publish& message) {
  if (!client_ || client_->over) return;
  const int code =
      mosquitto_publish(client_->handle, nullptr, message.topic.c_str(),
                        static_cast<int>(message.payload.size()), message.payload.data(), 1, false);
  if (code != MOSQ_ERR_SUCCESS) client_->lose(error_text(code));
}

void MqttLink::pump(Duration wait) {
  if (!client_ || client_->over) return;
  const int wait_ms =
      static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(wait).count());
  if (!client_->tcp_ready(wait_ms)) return;
  const int code = mosquitto_loop(client_->handle, wait_ms, 1);
  if (code != MOSQ_ERR_SUCCESS) client_->lose(error_text(code));
}

std::vector<LinkEvent> MqttLink::take_events() {
  return client_ ? std::exchange(client_->events, {}) : std::vector<LinkEvent>{};
}

void MqttLink::close() {
  if (client_ && !client_->over) {
    mosquitto_disconnect(client_->handle);
    (void)mosquitto_loop(client_->handle, 0,
                         1);  // Sends the goodbye; the answer no longer matters.
  }
  client_.reset();
}

}  // namespace ota::net
