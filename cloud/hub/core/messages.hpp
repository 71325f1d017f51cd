#pragma once

// Cloud-to-device messages: a durable queue for each device. A message is locked while a device has
// it, and goes back to the queue when the lock ends or the device goes away.
// Source: "Understand cloud-to-device messaging from an IoT hub".

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "cloud/hub/core/core.hpp"
#include "cloud/hub/core/links.hpp"
#include "cloud/hub/state/database.hpp"

namespace ota::hub {

inline constexpr std::size_t kMessageBytesMax = 64 * 1024;  // body and properties
inline constexpr std::size_t kMessagesPendingMax = 50;      // of one device
inline constexpr int kDeliveriesMax = 10;
inline constexpr std::chrono::seconds kMessageLock{60};
inline constexpr std::int64_t kMessageLifeS = 3600;
inline constexpr std::int64_t kMessageLifeMaxS = 48 * 3600;

struct NewMessage {
  std::string properties;  // the encoded bag of the topic
  std::string body;
  contract::UnixSeconds expires = 0;
};

/// A message that a device has fetched over HTTPS.
struct FetchedMessage {
  std::uint64_t sequence = 0;
  std::string properties;
  std::string body;
  std::string enqueued;  // ISO 8601
  int deliveries = 0;
  std::string lock_token;
};

class Messages {
 public:
  Messages(const Database& database, const Links& links, const Settings& settings)
      : database_(database), links_(links), settings_(settings) {}

  /// What an earlier process left in the queues; nothing of it is locked.
  Outcome<Ok> load();

  /// Adds a message, and delivers it if the device listens. Errors: QueueFull.
  Outcome<std::uint64_t> enqueue(const std::string& device_id, const NewMessage& message);
  /// Returns the number of messages that were dropped.
  Outcome<std::int64_t> purge(const std::string& device_id);

  // ---- Devices over MQTT ----
  /// Messages that an older connection did not acknowledge go back to the queue.
  void connection_changed(const std::string& device_id);
  void deliver(const std::string& device_id);
  void completed(const std::string& device_id, std::uint64_t sequence);
  bool redeliver(const std::string& device_id, std::uint64_t sequence);

  // ---- Devices over HTTPS ----
  /// The oldest message that nobody has, locked; nothing if there is none.
  Outcome<std::optional<FetchedMessage>> fetch(const std::string& device_id);
  enum class Settlement : std::uint8_t { Complete, Reject, Abandon };
  /// Errors: LockLost.
  Outcome<Ok> settle(const std::string& device_id, std::string_view lock_token, Settlement how);

  /// The device is deleted, or its queue empty.
  void forget(const std::string& device_id);
  void tick();

 private:
  struct Lock {
    std::string device_id;
    std::string token;  // empty: held by a connection over MQTT
    Instant end;
  };
  Outcome<Ok> deliver_all(const std::string& device_id);
  /// Counts a delivery and locks; false if the message must not be delivered any more.
  Outcome<bool> lock(const std::string& device_id, std::uint64_t sequence, std::string token);
  Outcome<Ok> drop(const std::string& device_id, std::uint64_t sequence);
  Outcome<Ok> drop_expired();

  const Database& database_;
  const Links& links_;
  const Settings& settings_;
  std::set<std::string> waiting_;        // devices that may have messages: most have none
  std::map<std::uint64_t, Lock> locks_;  // by sequence
};

}  // namespace ota::hub
