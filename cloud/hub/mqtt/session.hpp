#pragma once

// One MQTT connection of a device with IoT Hub or DPS, without sockets. IoT Hub is no broker:
// topics are remote calls, answers go to the caller alone, and a broken rule ends the connection
// without a word. Source: "Communicate with an IoT hub using the MQTT protocol"; "Communicate with
// DPS using the MQTT protocol".

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/hub/core/core.hpp"
#include "cloud/hub/mqtt/packet.hpp"
#include "cloud/hub/mqtt/session_memory.hpp"
#include "cloud/hub/stream/byte_protocol.hpp"
#include "cloud/hub/stream/output_buffer.hpp"

namespace ota::hub::mqtt {

inline constexpr std::chrono::seconds kConnectTimeout{60};  // first packet
inline constexpr std::chrono::seconds kKeepAliveTimeoutMax{1767};
inline constexpr std::size_t kPayloadBytesMax = 256 * 1024;
inline constexpr std::size_t kPacketBodyBytesMax =
    kPayloadBytesMax + 65535 + 4;  // topic, its length, packet id
inline constexpr std::size_t kConnectBodyBytesMax =
    32 * 1024;  // before login a client deserves little memory
inline constexpr std::size_t kSubscriptionsMax = 5;
inline constexpr std::size_t kWaitingBytesMax =
    1024 * 1024;  // unsent and unacknowledged, per connection
inline constexpr std::size_t kUnacknowledgedMax = 256;

class Session final : public ByteProtocol, public DeviceLink {
 public:
  struct Peer {
    std::optional<ClientCertificate> certificate;
  };

  /// `core`, `memory` and `wall_clock` outlive the session.
  Session(Core& core, SessionMemory& memory,
          const std::function<contract::UnixSeconds()>& wall_clock, Peer peer, Instant now);

  // ByteProtocol
  void feed(Bytes received, Instant now) override;
  bool wants_input() const override { return !closing_; }
  Bytes output() override { return output_.pending(); }
  void sent(std::size_t size_bytes, Instant now) override;
  std::optional<Instant> deadline() const override;
  void tick(Instant now) override;
  void stop(Instant now) override;
  bool closing() const override { return closing_; }
  std::string_view close_reason() const override { return close_reason_; }
  void gone() override;

  // DeviceLink
  void desired_patch(std::uint64_t version, std::string_view json) override;
  bool method_request(const contract::MethodRequest& request, std::string_view payload) override;
  Delivery deliver(const DeviceboundMessage& message) override;
  void close(std::string_view reason) override;

  const std::string& id() const { return id_; }

 private:
  enum class Service : std::uint8_t { None, Hub, Dps };

  void handle(const Frame& frame, Instant now);
  void handle_connected(const Frame& frame);
  void handle_connect(const Connect& connect, Instant now);
  void accept(const Connect& connect, Login login, Instant now);
  bool restore(const Connect& connect);
  ServiceCounters& counters_of(Service service) const;
  void refuse(ConnectReturn code, std::string_view reason, Service by = Service::Hub);
  void handle_publish(const Publish& message);
  void handle_hub(const Publish& message, const contract::DeviceMessage& meaning);
  void handle_dps(const Publish& message, const contract::DeviceMessage& meaning);
  void handle_subscribe(const Subscribe& request);
  void handle_unsubscribe(const Unsubscribe& request);
  void handle_puback(std::uint16_t packet_id);
  bool may_subscribe(std::string_view filter) const;
  bool publish_to(std::string_view filter, std::string_view topic, std::string_view payload);
  std::size_t waiting_bytes() const;
  void resend_unacknowledged();
  void use_room();
  void handle_patch(const Publish& message, const contract::ReportedPatchRequest& patch);
  void patch_answered(std::string_view request_id, std::uint16_t packet_id, const Answer& answer);
  void finish_patches();
  void end_after_patches(std::string_view reason);
  void answer_twin(std::string_view request_id, const Answer& answer);
  void answer_dps(std::string_view request_id, const Answer& answer);
  void send_dps_answers(Instant due_by);
  void send(std::string_view packet);
  void end(std::string_view reason);

  Core& core_;
  SessionMemory& memory_;
  const std::function<contract::UnixSeconds()>& wall_clock_;
  std::unique_ptr<ClientCertificate> certificate_;

  std::string input_;  // the beginning of a packet that is not complete yet
  OutputBuffer output_;

  Service service_ = Service::None;
  std::string id_;        // device id or registration id
  std::string password_;  // DPS asks for it again when the device registers
  std::optional<Will> will_;
  std::shared_ptr<SessionState> state_;
  std::optional<contract::UnixSeconds> expires_;

  Duration silence_max_ = kConnectTimeout;
  Instant last_packet_;
  Instant now_;
  std::optional<Instant> expiry_check_;
  // The patches whose answers are still to come find the session by it, unless it has gone.
  std::shared_ptr<Session*> self_;
  std::size_t patches_waiting_ = 0;
  bool more_waits_ = false;  // a message found no room
  struct DpsAnswer {
    Instant due;
    std::string topic;
    std::string body;
  };
  std::vector<DpsAnswer> dps_answers_;  // in the order of their times
  bool closing_ = false;
  std::string close_reason_;
};

/// A last will's topic is the device's own telemetry topic; nothing for any other.
std::optional<std::string> will_properties(const Will& will, std::string_view device_id);

}  // namespace ota::hub::mqtt
