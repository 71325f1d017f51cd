#pragma once

// Registration with the Device Provisioning Service over MQTT, without I/O: fed with whole messages
// and time. Source: "Communicate with DPS using the MQTT protocol".

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "device/host/net/message.hpp"
#include "device/host/net/timing.hpp"

namespace ota::net {

/// Where DPS has sent the device.
struct Assignment {
  std::string hub_host;
  std::string device_id;

  friend bool operator==(const Assignment&, const Assignment&) = default;
};

struct DpsFailure {
  enum class Kind : std::uint8_t {
    Disabled,  // an operator has switched the enrollment off
    Refused,   // wrong credential, no enrollment, or the allocation failed
    Silent,    // no answer
    Protocol,  // an answer that DPS does not send
  };
  Kind kind = Kind::Protocol;
  std::string detail;  // for a person
};

class DpsSession {
 public:
  explicit DpsSession(std::string registration_id, const Timing& timing = {});

  static std::vector<std::string> filters();

  void subscribed(Instant now);
  void received(std::string_view topic, std::string_view payload, Instant now);
  void tick(Instant now);
  std::optional<Instant> deadline() const noexcept;

  std::vector<Publish> take_publishes();

  /// Set once the registration has ended one way or another.
  const std::optional<Result<Assignment, DpsFailure>>& outcome() const noexcept { return outcome_; }

 private:
  void send(Instant now);
  void again_after(std::optional<std::uint32_t> seconds, Instant now);
  void read_answer(std::string_view payload, std::optional<std::uint32_t> retry_after, Instant now);
  void fail(DpsFailure::Kind kind, std::string detail);

  std::string registration_id_;
  Duration answer_timeout_;
  std::string operation_id_;  // empty: registering; otherwise polling
  std::string in_flight_;     // request id
  std::uint32_t requests_ = 0;
  std::optional<Instant> due_;  // answer expected, or time of the next request
  std::vector<Publish> publishes_;
  std::optional<Result<Assignment, DpsFailure>> outcome_;
};

}  // namespace ota::net
