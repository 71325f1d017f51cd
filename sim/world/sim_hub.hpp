#pragma once

// IoT Hub as one device sees it: its twin behind MQTT topics. Without faults it answers each
// request after 50 ms, delivers each desired patch once and in order, and keeps the connection.
//
// Faults: an answer that never comes, with the report stored or not; 429 and 500; a connection that
// ends at a publish; desired patches that come twice, late, out of order or not at all; bytes that
// are no JSON. What an operator does wrong (types, sizes, versions) comes in through desire().

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "device/host/net/message.hpp"

namespace ota::sim {

/// What happens to one request of the device.
enum class RequestFault : std::uint8_t {
  None,
  AnswerLost,    // done, but the device never hears of it
  RequestLost,   // not done, no answer
  Throttled,     // 429
  ServerFailed,  // 500
  Disconnects,   // done, then the connection ends
  Garbled,       // the answer's body is cut short (only a twin has one)
};
inline constexpr std::uint8_t kRequestFaultCount = 7;

/// What happens to one desired patch on its way.
enum class PatchFault : std::uint8_t {
  None,
  Twice,
  Late,  // overtaken by what comes after it
  Lost,
};
inline constexpr std::uint8_t kPatchFaultCount = 4;

class SimHub {
 public:
  struct Message {
    std::string topic;
    std::string payload;
  };

  // The operator.
  /// Merges a patch of desired properties (RFC 7386), and delivers it if the device is connected.
  void desire(std::string_view patch, Instant now);
  /// The desired `extFwInfo`, as JSON text; empty: none.
  std::string desired_offer() const;

  // The device.
  void connect() noexcept { connected_ = true; }
  void disconnect() noexcept;
  bool connected() const noexcept { return connected_; }
  void publish(const net::Publish& message, Instant now);
  /// What has reached the device by now.
  std::vector<Message> take_due(Instant now);
  std::optional<Instant> next_due() const noexcept;

  // Faults: each entry for one request or patch, in order.
  void then(RequestFault fault) { request_faults_.push_back(fault); }
  void then(PatchFault fault) { patch_faults_.push_back(fault); }
  void forget_faults();

  /// The reported `extFwInfo` as the hub holds it; empty: nothing was reported yet.
  const std::string& reported() const noexcept { return reported_; }
  std::uint64_t reports_stored() const noexcept { return reports_stored_; }

  /// Called with the reported `extFwInfo` each time that a report was stored.
  std::function<void(const std::string&)> on_stored = {};

 private:
  struct Delivery {
    Instant due;
    Message message;
  };
  void deliver(Message message, Instant due);
  void answer_twin(std::string_view request_id, RequestFault fault, Instant now);
  void answer_report(std::string_view request_id, const std::string& body, RequestFault fault,
                     Instant now);
  bool answer_error(std::string_view request_id, RequestFault fault, Instant now);
  RequestFault next_request_fault();

  std::string desired_ = "{}";
  std::uint64_t desired_version_ = 1;
  std::string reported_;
  std::uint64_t reported_version_ = 1;
  std::uint64_t reports_stored_ = 0;
  bool connected_ = false;
  std::deque<Delivery> deliveries_;  // in order of time
  std::deque<RequestFault> request_faults_;
  std::deque<PatchFault> patch_faults_;
};

}  // namespace ota::sim
