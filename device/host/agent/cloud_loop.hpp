#pragma once

// The cloud thread: gets a hub from DPS, keeps one connection to it, and carries mail between hub
// and update thread.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/backoff.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "device/host/agent/cloud_access.hpp"
#include "device/host/agent/event_log.hpp"
#include "device/host/agent/inbox.hpp"
#include "device/host/agent/state_file.hpp"
#include "device/host/agent/wall_clock.hpp"
#include "device/host/net/hub_session.hpp"
#include "device/host/net/mqtt_link.hpp"

namespace ota::agent {

class CloudLoop {
 public:
  struct Parts {
    CloudInbox& inbox;
    UpdateInbox& updates;
    StateFile& state;
    const WallClock& wall_clock;
    EventLog& events;
    Clock& clock;
    Random& random;
  };
  struct TelemetryPlan {
    Duration interval{0};  // 0: none
    std::function<std::string()> message;
  };

  CloudLoop(CloudAccess access, Parts parts, TelemetryPlan telemetry);

  /// Returns after the inbox was told to stop.
  void run();

 private:
  enum class End : std::uint8_t {
    Stopped,
    Renew,    // the token is about to expire
    Lost,     // network, server or time-out
    Refused,  // the credential was not accepted
  };

  End work();
  End register_device();
  End converse();
  End serve(net::MqttLink& link, Instant renew_at);
  std::optional<End> connect(net::MqttLink& link, const std::string& host, const net::Login& login,
                             const std::vector<std::string>& filters);
  std::optional<End> on_event(const net::LinkEvent& event);
  End lost(std::string_view reason);
  void collect_reports();
  void exchange(net::MqttLink& link);
  void forget_assignment();
  contract::UnixSeconds sas_expiry() const;

  CloudAccess access_;
  Parts parts_;
  TelemetryPlan telemetry_;
  Backoff backoff_;
  std::optional<net::Assignment> assignment_;
  net::HubSession session_;  // outlives connections: it holds what the hub has not stored yet
  std::uint32_t refusals_ = 0;
  Duration pause_floor_{0};
};

}  // namespace ota::agent
