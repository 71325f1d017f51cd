#include "cloud/hub/net/server.hpp"

#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <csignal>
#include <utility>

#include "cloud/hub/blob/blob_account.hpp"
#include "cloud/hub/blob/blob_service.hpp"
#include "cloud/hub/files/durable_file.hpp"
#include "cloud/hub/http/http_session.hpp"
#include "cloud/hub/mqtt/session.hpp"
#include "cloud/hub/net/certificates.hpp"
#include "cloud/hub/net/http_router.hpp"
#include "cloud/hub/net/listener.hpp"
#include "cloud/hub/net/record_buffers.hpp"
#include "cloud/profile/profile.hpp"

namespace ota::hub {
namespace {

constexpr std::chrono::seconds kTick{1};
constexpr std::chrono::seconds kStopTimeout{15};
constexpr contract::UnixSeconds kCertificateCheckEvery_s = 60 * 60;
constexpr Duration kHealthAge = std::chrono::seconds(1);  // a check writes; strangers may ask

contract::UnixSeconds system_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// Ten thousand devices need ten thousand descriptors; the usual soft limit is 1024.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// Names for the certificate: what people gave, where the hub listens, then what always works on
/// this machine.
std::vector<std::string> client_names(const ServerOptions& options) {
  std::vector<std::string> names = options.host_names;
  boost::system::error_code code;
  const auto address = boost::asio::ip::make_address(options.listen_address, code);
  if (!code && !address.is_unspecified()) names.push_back(address.to_string());
  return names;
}

/// Without TLS only programs of this machine are served, unless people say otherwise.
std::string http_listen_address(const ServerOptions& options) {
  if (!options.http_listen_address.empty()) return options.http_listen_address;
  boost::system::error_code code;
  const auto address = boost::asio::ip::make_address(options.listen_address, code);
  return !code && address.is_loopback() ? options.listen_address : "127.0.0.1";
}

/// "name:18443" and "[::1]:18443" without the port, if there is one.
std::string host_part(const std::string& host) {
  const std::size_t colon = host.rfind(':');
  return colon == std::string::npos || host.back() == ']' ? host : host.substr(0, colon);
}

class Server final : public HubServer, private Oversight {
 public:
  explicit Server(const ServerOptions& options)
      : wall_clock_(options.now ? options.now : system_now),
        started_(wall_clock_()),
        tick_(loop_),
        stop_timer_(loop_),
        signals_(loop_) {}

  Result<Ok, std::string> open(const ServerOptions& options) {
    raise_descriptor_limit();
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to the descriptor without MSG_NOSIGNAL.
    OTA_TRY(lock_state(options.state_directory));
    const std::vector<std::string> wanted = client_names(options);
    const std::vector<std::string> names = server_names(wanted);
    certificate_names_ = names;
    device_ca_file_ = options.device_ca_file;
    tls_directory_ = options.state_directory + "/tls";
    OTA_TRY(load_certificates());
    OTA_TRY(listen(options));
    OTA_TRY(open_state(options, wanted.empty() ? names : wanted));
    return write_profile(options);
  }

  const Facts& facts() const override { return facts_; }

  void run() override {
    for (Listener* listener : listeners()) listener->start();
    schedule_tick();
    loop_.run();
  }

  void stop() override {
    boost::asio::post(loop_, [this] { begin_stop(); });
  }

  void stop_on_signals() override {
    signals_.add(SIGTERM);
    signals_.add(SIGINT);
    signals_.async_wait([this](boost::system::error_code code, int) {
      if (code) return;
      spdlog::info("stopping; a second signal ends the hub at once");
      begin_stop();
      signals_.async_wait([this](boost::system::error_code second, int) {
        if (!second) loop_.stop();
      });
    });
  }

 private:
  /// Makes what is missing or near its end. New connections get it; those that are there go on.
  Result<Ok, std::string> load_certificates() {
    next_certificate_check_ = wall_clock_() + kCertificateCheckEvery_s;
    OTA_TRY(const CertificateFiles files,
            ensure_certificates(tls_directory_, certificate_names_, wall_clock_()));
    OTA_TRY(auto tls, TlsContext::load({files.certificate, files.key, device_ca_file_}));
    facts_.ca_file = files.authority;
    if (tls_ == nullptr) {
      tls_ = std::make_unique<TlsContext>(std::move(tls));
    } else {
      *tls_ = std::move(tls);  // The listeners hold on to the object.
    }
    return Ok{};
  }

  void check_certificates() {
    const contract::UnixSeconds left = next_certificate_check_ - wall_clock_();
    // Wall clocks also jump back.
    if (left > 0 && left <= kCertificateCheckEvery_s) return;
    const contract::UnixSeconds before = tls_->certificate_end();
    const auto loaded = load_certificates();
    if (!loaded) return spdlog::error("the server certificate is not renewed: {}", loaded.error());
    if (tls_->certificate_end() != before)
      spdlog::info("the server certificate was renewed; new connections get it");
  }

  std::vector<Listener*> listeners() const {
    std::vector<Listener*> all = {mqtt_.get(), https_.get()};
    if (http_) all.push_back(http_.get());
    return all;
  }

  // ---- Oversight ----

  Result<Ok, std::string> health() override {
    if (stopping_) return std::string("the hub stops");
    const Instant now = steady_now();
    if (!health_checked_ || now >= *health_checked_ + kHealthAge) {
      health_ = core_->check_state();
      health_checked_ = now;
    }
    return health_;
  }

  std::string metrics() override {
    Snapshot snapshot{.mqtt = session_memory_.counters,
                      .http = http_counters_,
                      .core = core_->figures(),
                      .process = ProcessFigures::read()};
    snapshot.mqtt_connections = mqtt_->connections();
    snapshot.https_connections = https_->connections();
    snapshot.http_connections = http_ ? http_->connections() : 0;
    snapshot.kept_sessions = session_memory_.size();
    snapshot.unacknowledged_messages = session_memory_.unacknowledged();
    snapshot.started = started_;
    snapshot.now = wall_clock_();
    snapshot.certificate_end = tls_->certificate_end();
    return exposition(snapshot);
  }

  // ---- Start ----

  Result<Ok, std::string> lock_state(const std::string& directory) {
    if (const auto made = make_private_directory(directory); !made) return made.error().message;
    auto lock = DirectoryLock::acquire(directory);
    if (!lock) return lock.error().message;
    lock_ = std::make_unique<DirectoryLock>(std::move(lock).value());
    return Ok{};
  }

  Result<Ok, std::string> listen(const ServerOptions& options) {
    OTA_TRY(mqtt_, Listener::open(loop_,
                                  {options.listen_address, options.mqtt_port, "--mqtt-port",
                                   options.handshake_timeout},
                                  tls_.get(), [this](PeerInfo peer, Instant now) {
                                    return mqtt_protocol(std::move(peer), now);
                                  }));
    OTA_TRY(https_, Listener::open(loop_,
                                   {options.listen_address, options.https_port, "--https-port",
                                    options.handshake_timeout},
                                   tls_.get(), [this](PeerInfo peer, Instant now) {
                                     return http_protocol(*router_, std::move(peer), now);
                                   }));
    if (options.http_port) OTA_TRY(listen_without_tls(options, *options.http_port));
    facts_.listen_address = options.listen_address;
    facts_.mqtt_port = mqtt_->port();
    facts_.https_port = https_->port();
    return Ok{};
  }

  Result<Ok, std::string> listen_without_tls(const ServerOptions& options, std::uint16_t port) {
    facts_.http_listen_address = http_listen_address(options);
    OTA_TRY(http_, Listener::open(loop_, {facts_.http_listen_address, port, "--http-port"}, nullptr,
                                  [this](PeerInfo peer, Instant now) {
                                    return http_protocol(*open_router_, std::move(peer), now);
                                  }));
    facts_.http_port = http_->port();
    return Ok{};
  }

  Result<Ok, std::string> open_state(const ServerOptions& options,
                                     const std::vector<std::string>& names) {
    Settings settings;
    settings.state_directory = options.state_directory;
    settings.host_names = names;
    settings.mqtt_port = facts_.mqtt_port;
    settings.https_port = facts_.https_port;
    settings.now = wall_clock_;
    settings.uptime = steady_now;
    settings.tier = options.tier;
    settings.evaluate_every_s = options.evaluate_every_s;
    settings.commit_soon = [this] { boost::asio::post(loop_, [this] { commit(); }); };
    OTA_TRY(core_, options.open_core(std::move(settings)));
    OTA_TRY(blobs_, BlobService::open(options.state_directory + "/blobs", wall_clock_,
                                      [this](DiskWorker::Step step) {
                                        boost::asio::post(loop_, guarded(std::move(step)));
                                      }));
    const HttpRouter::Parts parts{*core_,
                                  *blobs_,
                                  std::string(kBlobAccount),
                                  *this,
                                  http_counters_,
                                  [this](const auto& certificate, Instant now) {
                                    return mqtt_in_websocket(certificate, now);
                                  }};
    router_ = std::make_unique<HttpRouter>(parts, HttpRouter::Listener::Encrypted);
    open_router_ = std::make_unique<HttpRouter>(parts, HttpRouter::Listener::Open);
    return Ok{};
  }

  Result<Ok, std::string> write_profile(const ServerOptions& options) {
    const Access access = core_->access();
    facts_.hub_host = access.hub_host;
    facts_.device_host = access.device_host;
    facts_.id_scope = access.id_scope;
    facts_.profile_file = options.profile_file;
    if (options.profile_file.empty()) return Ok{};
    constexpr std::array<std::string_view, 5> kTiers = {"", "F1", "S1", "S2", "S3"};
    profile::Profile out;
    out.tier = kTiers.at(static_cast<std::size_t>(options.tier));
    out.iothub_connection_string =
        "HostName=" + access.hub_host +
        ";SharedAccessKeyName=iothubowner;SharedAccessKey=" + access.iothubowner_key;
    out.dps_connection_string = "HostName=" + access.hub_host +
                                ";SharedAccessKeyName=provisioningserviceowner;SharedAccessKey=" +
                                access.provisioningserviceowner_key;
    out.storage_connection_string = blobs_->connection_string(blob_endpoint(access));
    out.dps_host = access.device_host;
    out.id_scope = access.id_scope;
    out.enrollment_group_id = access.enrollment_group_id;
    out.enrollment_group_key = access.enrollment_group_key;
    out.ca_file = facts_.ca_file;
    return profile::write(out, options.profile_file);
  }

  /// Without TLS only if that reaches as far as HTTPS does: the profile also serves operators and
  /// devices elsewhere.
  /// The port is always named: Java's SDK takes an address without one for an account's own name,
  /// and leaves the account's path out.
  std::string blob_endpoint(const Access& access) const {
    const std::string encrypted_url =
        "https://" + host_part(access.hub_host) + ":" + std::to_string(facts_.https_port);
    if (!facts_.http_port) return encrypted_url;
    boost::system::error_code code;
    const auto open = boost::asio::ip::make_address(facts_.http_listen_address, code);
    const auto encrypted = boost::asio::ip::make_address(facts_.listen_address, code);
    const bool as_far = open == encrypted || open.is_unspecified() || encrypted.is_loopback();
    if (!as_far) return encrypted_url;
    const std::string port = ":" + std::to_string(*facts_.http_port);
    if (open.is_unspecified()) return "http://" + host_part(access.hub_host) + port;
    return "http://" + (open.is_v6() ? "[" + open.to_string() + "]" : open.to_string()) + port;
  }

  std::unique_ptr<ByteProtocol> mqtt_protocol(PeerInfo peer, Instant now) {
    return mqtt_session(mqtt::Session::Peer{std::move(peer.certificate)}, now);
  }

  std::unique_ptr<ByteProtocol> mqtt_in_websocket(
      const std::shared_ptr<const ClientCertificate>& certificate, Instant now) {
    mqtt::Session::Peer device;
    if (certificate) device.certificate = *certificate;
    return mqtt_session(std::move(device), now);
  }

  std::unique_ptr<ByteProtocol> mqtt_session(mqtt::Session::Peer device, Instant now) {
    return std::make_unique<mqtt::Session>(*core_, session_memory_, wall_clock_, std::move(device),
                                           now);
  }

  std::unique_ptr<ByteProtocol> http_protocol(HttpService& router, PeerInfo peer, Instant now) {
    std::shared_ptr<const ClientCertificate> certificate;
    if (peer.certificate)
      certificate = std::make_shared<const ClientCertificate>(std::move(*peer.certificate));
    return std::make_unique<HttpSession>(
        router, HttpPeer{std::move(peer.address), std::move(certificate)}, wall_clock_, now);
  }

  void commit() {
    guarded([this] { core_->commit(); })();
  }

  /// No exception leaves the loop.
  static std::function<void()> guarded(std::function<void()> step) {
    return [step = std::move(step)] {
      try {
        step();
      } catch (const std::exception& error) {
        spdlog::error("in the event loop: {}", error.what());
      }
    };
  }

  void schedule_tick() {
    tick_.expires_after(kTick);
    tick_.async_wait([this](boost::system::error_code code) {
      if (code || stopping_) return;
      guarded([this] { check_certificates(); })();
      guarded([this] { core_->tick(); })();
      guarded([this] { blobs_->tick(); })();
      schedule_tick();
    });
  }

  void begin_stop() {
    if (std::exchange(stopping_, true)) return;
    tick_.cancel();
    commit();  // Else the sessions would end before their answers come.
    const auto open = listeners();
    listeners_open_ = open.size();
    for (Listener* listener : open) {
      listener->stop([this] {
        if (--listeners_open_ == 0) end();
      });
    }
    stop_timer_.expires_after(kStopTimeout);
    stop_timer_.async_wait([this](boost::system::error_code code) {
      if (!code) end();
    });
  }

  void end() { loop_.stop(); }

  // The loop is destroyed last: what waits in it refers to everything below.
  boost::asio::io_context loop_{1};
  std::function<contract::UnixSeconds()> wall_clock_;
  contract::UnixSeconds started_;
  std::unique_ptr<DirectoryLock> lock_;
  std::string tls_directory_;
  std::vector<std::string> certificate_names_;
  std::string device_ca_file_;
  contract::UnixSeconds next_certificate_check_ = 0;
  std::optional<Instant> health_checked_;
  Result<Ok, std::string> health_ = Ok{};
  std::unique_ptr<TlsContext> tls_;
  std::unique_ptr<Core> core_;
  std::unique_ptr<BlobService> blobs_;
  HttpCounters http_counters_;
  std::unique_ptr<HttpRouter> router_;
  std::unique_ptr<HttpRouter> open_router_;
  mqtt::SessionMemory session_memory_;
  std::unique_ptr<Listener> mqtt_;
  std::unique_ptr<Listener> https_;
  std::unique_ptr<Listener> http_;
  boost::asio::steady_timer tick_;
  boost::asio::steady_timer stop_timer_;
  boost::asio::signal_set signals_;
  std::size_t listeners_open_ = 0;  // while the hub stops
  bool stopping_ = false;
  Facts facts_;
};

}  // namespace

Result<std::unique_ptr<HubServer>, std::string> HubServer::start(const ServerOptions& options) {
  keep_record_buffers();
  auto server = std::make_unique<Server>(options);
  OTA_TRY(server->open(options));
  return std::unique_ptr<HubServer>(std::move(server));
}

}  // namespace ota::hub
