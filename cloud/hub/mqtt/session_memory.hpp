#pragma once

// What outlives a connection with clean session 0: the subscriptions of a device, and messages that
// it has not acknowledged. In memory only: after a restart of the hub a device is told that no
// session is present, and subscribes again.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "cloud/hub/mqtt/counters.hpp"

namespace ota::hub::mqtt {

struct Unacknowledged {
  std::uint16_t packet_id = 0;
  std::string topic;
  std::string payload;
  std::uint64_t sequence = 0;  // of a cloud-to-device message; 0: something else
};

struct SessionState {
  std::map<std::string, std::uint8_t, std::less<>> subscriptions;  // filter, granted QoS
  std::deque<Unacknowledged> unacknowledged;                       // in the order of sending
  std::uint16_t last_packet_id = 0;

  /// Packet identifiers start at 1; zero is forbidden (MQTT 3.1.1, section 2.3.1).
  std::uint16_t next_packet_id() {
    do {
      ++last_packet_id;
    } while (last_packet_id == 0 || in_use(last_packet_id));
    return last_packet_id;
  }

  bool in_use(std::uint16_t packet_id) const {
    for (const Unacknowledged& message : unacknowledged) {
      if (message.packet_id == packet_id) return true;
    }
    return false;
  }
};

class SessionMemory {
 public:
  explicit SessionMemory(std::size_t sessions_max = 100'000) : sessions_max_(sessions_max) {}

  /// The kept state of a device; nothing if there is none.
  std::shared_ptr<SessionState> find(const std::string& device_id) const {
    const auto found = sessions_.find(device_id);
    return found == sessions_.end() ? nullptr : found->second;
  }

  /// Keeps the state for the next connection; beyond the limit some other device loses its own, and
  /// subscribes again.
  void keep(const std::string& device_id, std::shared_ptr<SessionState> state) {
    if (sessions_.size() >= sessions_max_ && !sessions_.contains(device_id))
      sessions_.erase(sessions_.begin());
    sessions_[device_id] = std::move(state);
  }

  void forget(const std::string& device_id) { sessions_.erase(device_id); }

  std::size_t size() const { return sessions_.size(); }
  std::size_t unacknowledged() const {
    std::size_t count = 0;
    for (const auto& [device_id, state] : sessions_) count += state->unacknowledged.size();
    return count;
  }

  Counters counters;  // of all sessions, kept or not

 private:
  std::size_t sessions_max_;
  std::unordered_map<std::string, std::shared_ptr<SessionState>> sessions_;
};

}  // namespace ota::hub::mqtt
