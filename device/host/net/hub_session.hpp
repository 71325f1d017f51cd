#pragma once

// One device's conversation with IoT Hub, without I/O: fed with whole messages and time, it says
// what to publish. Order after each connect: subscribe, GET the twin, then merge desired patches by
// `$version`. Source: "Communicate with an IoT hub using the MQTT protocol", "Understand and use
// device twins in IoT Hub".

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/backoff.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "device/host/net/desired_mirror.hpp"
#include "device/host/net/message.hpp"
#include "device/host/net/report_outbox.hpp"
#include "device/host/net/timing.hpp"

namespace ota::net {

/// What the twin asks of the firmware: the JSON text of `extFwInfo`, or nothing when there is no
/// deployment.
struct Wish {
  std::optional<std::string> offer;

  friend bool operator==(const Wish&, const Wish&) = default;
};

class HubSession {
 public:
  HubSession(std::string device_id, Random& random, const Timing& timing = {});

  static std::vector<std::string> filters();

  /// DPS may give the device another name; what waits to be reported stays.
  void rename(std::string device_id) { device_id_ = std::move(device_id); }

  /// The hub has granted the subscriptions of a new connection.
  void subscribed(Instant now);
  void disconnected();
  void received(std::string_view topic, std::string_view payload, Instant now);

  /// To be called at deadline() at the latest, and after anything else that may have queued work.
  void tick(Instant now);
  std::optional<Instant> deadline() const;

  void report(Report report);

  /// A telemetry message; dropped while there is no connection.
  void telemetry(std::string json);

  std::vector<Publish> take_publishes();

  /// The settled wish: after a change, and once after each connect even if it is the same.
  std::optional<Wish> take_wish();

  std::vector<std::uint32_t> take_acknowledged();

  /// The hub leaves requests unanswered: only a new connection can help.
  bool silent() const noexcept;

  /// Reports that the hub has not stored yet.
  std::size_t reports_waiting() const noexcept { return outbox_.size(); }

 private:
  struct Patch {
    std::uint64_t version;
    std::string body;
  };

  void request_twin(Instant now);
  void retry_twin(Instant now);
  void on_twin(int status, std::string_view body, Instant now);
  void on_patch(std::uint64_t version, std::string_view body, Instant now);
  void settle_later(Instant now) { settle_at_ = now + timing_.settle_time; }

  std::string device_id_;
  Random& random_;
  Timing timing_;
  Backoff get_backoff_;
  ReportOutbox outbox_;
  DesiredMirror mirror_;
  bool online_ = false;
  std::string get_id_;  // the GET in flight
  std::uint32_t gets_ = 0;
  std::uint32_t gets_unanswered_ = 0;
  std::optional<Instant> get_due_;    // answer expected, or time of the next try
  std::vector<Patch> early_patches_;  // arrived while the GET was in flight
  std::optional<Instant> settle_at_;
  bool announce_ = false;  // hand over the wish even if it is unchanged
  std::optional<Wish> last_wish_;
  std::optional<Wish> new_wish_;
  std::vector<Publish> publishes_;
};

}  // namespace ota::net
