#pragma once

// The hub without sockets: what IoT Hub and DPS decide. The MQTT endpoint and the HTTPS listener
// hand over texts and get texts back; nothing here blocks but SQLite. Single-threaded: every call
// comes from the one event loop.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "cloud/hub/core/http_message.hpp"
#include "cloud/hub/core/limits.hpp"
#include "contract/azure/sas.hpp"
#include "contract/azure/topics.hpp"

namespace ota::hub {

/// A cloud-to-device message on its way to a device.
struct DeviceboundMessage {
  std::uint64_t sequence = 0;  // unique in this hub, never 0
  std::string properties;      // the encoded bag of the topic
  std::string body;
};

/// What became of a message that a link was asked to deliver.
enum class Delivery : std::uint8_t {
  NotListening,  // no subscription
  NoRoom,        // the link calls Core::listening when there is
  Sent,          // acknowledged later
  Done,          // QoS 0: nobody will acknowledge it
};

/// A connected device, as the core sees it. Implemented by the MQTT session. Calls may come from
/// within any Core call.
class DeviceLink {
 public:
  /// A desired-property patch (with "$version") for this device; dropped by the session if it did
  /// not subscribe.
  virtual void desired_patch(std::uint64_t version, std::string_view json) = 0;
  /// A direct method's request; false if the device does not listen for methods. The answer comes
  /// through Core::method_answered.
  virtual bool method_request(const contract::MethodRequest& request, std::string_view payload) = 0;
  virtual Delivery deliver(const DeviceboundMessage& message) = 0;
  /// The connection must end (taken over, disabled, deleted, key changed, hub stops). The session
  /// closes later, not from within.
  virtual void close(std::string_view reason) = 0;

 protected:
  ~DeviceLink() = default;
};

/// The certificate that a client showed in the TLS handshake.
struct ClientCertificate {
  std::string common_name;
  std::string sha1_thumbprint;         // upper-case hex
  std::string sha256_thumbprint;       // upper-case hex
  bool chain_valid = false;            // leads to a CA that the hub trusts for devices
  std::vector<std::string> chain_der;  // as sent, the client's own first; nobody has checked it
};

struct Credentials {
  std::string_view client_id;
  std::string_view password;  // a SAS token, or empty with a certificate
  const ClientCertificate* certificate = nullptr;
};

enum class LoginRefusal : std::uint8_t {
  IdentifierRejected,  // CONNACK 2
  Throttled,           // CONNACK 3
  NotAuthorized,       // CONNACK 5
};

struct Login {
  std::string id;  // device id, or registration id for DPS
  std::optional<contract::UnixSeconds>
      expires;  // when the token ends and the connection must be closed
};

/// An answer on a twin or DPS response topic.
struct Answer {
  int status = 200;
  std::string body;
  std::optional<std::uint64_t> version;        // twin: $version
  std::optional<std::uint32_t> retry_after_s;  // DPS
};

struct Settings {
  std::string state_directory;  // created if missing
  std::vector<std::string>
      host_names;               // names and addresses that clients may use, first one is handed out
  std::uint16_t mqtt_port = 0;  // for assignedHub, after the listeners are bound
  std::uint16_t https_port = 0;
  std::function<contract::UnixSeconds()> now;  // wall clock
  std::function<Instant()> uptime = {};        // for time-outs; empty: the wall clock
  Tier tier = Tier::None;                      // whose limits are kept
  // How often devices are compared with configurations, and metrics counted; 0: at once.
  std::uint32_t evaluate_every_s = 0;
  // Called when changes begin to wait for a common commit: Core::commit is to be called soon, from
  // outside any other call. Empty: each change is committed at once.
  std::function<void()> commit_soon = {};

  Instant steady_now() const { return uptime ? uptime() : Instant(std::chrono::seconds(now())); }
};

/// The keys and names that clients need; written into the profile.
struct Access {
  std::string hub_host;     // "127.0.0.1:18443": HostName for the service REST
  std::string device_host;  // "127.0.0.1:18883": HostName for devices and what DPS assigns
  std::string id_scope;
  std::string iothubowner_key;               // base64
  std::string provisioningserviceowner_key;  // base64
  std::string enrollment_group_id;           // made on first start
  std::string enrollment_group_key;          // base64
};

/// For the hub's metrics.
struct CoreFigures {
  std::uint64_t sqlite_steps = 0;
  double sqlite_s = 0;
};

class Core {
 public:
  /// Opens or creates the state (SQLite, WAL) in the directory. Errors are sentences for people.
  static Result<std::unique_ptr<Core>, std::string> open(Settings settings);
  virtual ~Core() = default;

  virtual Access access() const = 0;

  // ---- IoT Hub, device side ----
  virtual Result<Login, LoginRefusal> login(const contract::HubUserName& user,
                                            const Credentials& credentials) = 0;
  /// Registers the link and closes an older one of the same device.
  virtual void connected(const std::string& device_id, DeviceLink& link) = 0;
  virtual void disconnected(const std::string& device_id, DeviceLink& link) = 0;
  /// Room, a subscription or a connection is new: what waits for this device may be deliverable.
  virtual void listening(const std::string& device_id) = 0;
  virtual void method_answered(const std::string& device_id,
                               const contract::MethodResponse& response,
                               std::string_view payload) = 0;
  /// The device has acknowledged a message.
  virtual void message_completed(const std::string& device_id, std::uint64_t sequence) = 0;
  /// Whether a message that the device did not acknowledge before is still to be sent.
  virtual bool redeliver(const std::string& device_id, std::uint64_t sequence) = 0;
  virtual Answer get_twin(const std::string& device_id) = 0;
  /// `answered` is called once, in this call or in a later one of commit(): when the change is
  /// durable, or has failed.
  using Answered = std::function<void(const Answer&)>;
  virtual void patch_reported(const std::string& device_id, std::string_view json,
                              std::optional<std::uint64_t> if_version, Answered answered) = 0;
  virtual void telemetry(const std::string& device_id, std::string_view properties,
                         std::string_view payload) = 0;

  // ---- DPS, device side ----
  virtual Result<Login, LoginRefusal> dps_login(const contract::DpsUserName& user,
                                                const Credentials& credentials) = 0;
  virtual Answer dps_register(const std::string& registration_id, const Credentials& credentials,
                              std::string_view json) = 0;
  virtual Answer dps_status(const std::string& registration_id, std::string_view operation_id) = 0;

  // ---- Service REST of IoT Hub and DPS ----
  /// Nothing if the path belongs to neither (then it is a blob request).
  virtual std::optional<HttpResponse> handle(const HttpRequest& request) = 0;

  /// Commits the changes that wait, and answers them: Answered of devices, LaterAnswer of requests.
  virtual void commit() = 0;

  // ---- Oversight ----
  /// Whether the state can be written; an error is a sentence for people.
  virtual Result<Ok, std::string> check_state() = 0;
  virtual CoreFigures figures() const = 0;

  /// Called about once a second: expiries, connection-state bookkeeping, deferred evaluation.
  virtual void tick() = 0;
};

}  // namespace ota::hub
