#include "cloud/hub/core/messages.hpp"

#include <vector>

#include "cloud/hub/core/secrets.hpp"

namespace ota::hub {

Outcome<Ok> Messages::load() {
  locks_.clear();
  waiting_.clear();
  OTA_TRY(auto row, database_.query("SELECT DISTINCT device_id FROM message"));
  for (;;) {
    OTA_TRY(const bool more, row.step());
    if (!more) return Ok{};
    waiting_.insert(row.text(0));
  }
}

Outcome<std::uint64_t> Messages::enqueue(const std::string& device_id, const NewMessage& message) {
  OTA_TRY(drop_expired());
  OTA_TRY(const auto count,
          database_.find_integer("SELECT COUNT(*) FROM message WHERE device_id = ?1", {device_id}));
  if (static_cast<std::size_t>(count.value_or(0)) >= kMessagesPendingMax) {
    return Failure{code::kQueueFull, "device " + device_id + " has " +
                                         std::to_string(kMessagesPendingMax) +
                                         " messages that it has not taken yet"};
  }
  OTA_TRY(auto row,
          database_.query("INSERT INTO message (device_id, properties, body, enqueued, expires)"
                          " VALUES (?1, ?2, ?3, ?4, ?5) RETURNING sequence",
                          {device_id, message.properties, message.body,
                           contract::to_iso8601(settings_.now()), message.expires}));
  OTA_TRY(const bool inserted, row.step());
  if (!inserted) return Failure{code::kServerError, "the message was not stored"};
  const auto sequence = static_cast<std::uint64_t>(row.integer(0));
  OTA_TRY(row.step());  // the statement is over, and with it its transaction
  waiting_.insert(device_id);
  deliver(device_id);
  return sequence;
}

Outcome<std::int64_t> Messages::purge(const std::string& device_id) {
  OTA_TRY(const auto count,
          database_.execute("DELETE FROM message WHERE device_id = ?1", {device_id}));
  forget(device_id);
  return count;
}

void Messages::forget(const std::string& device_id) {
  waiting_.erase(device_id);
  std::erase_if(locks_, [&](const auto& lock) { return lock.second.device_id == device_id; });
}

// ---- Delivery ----

void Messages::connection_changed(const std::string& device_id) {
  if (!waiting_.contains(device_id)) return;
  std::erase_if(locks_, [&](const auto& lock) {
    return lock.second.device_id == device_id && lock.second.token.empty();
  });
}

void Messages::deliver(const std::string& device_id) {
  if (!waiting_.contains(device_id)) return;
  // What could not be read or counted stays in the queue, and is tried again with the next change.
  (void)deliver_all(device_id);
}

Outcome<Ok> Messages::deliver_all(const std::string& device_id) {
  std::vector<std::uint64_t> queue;
  OTA_TRY(auto row, database_.query("SELECT sequence FROM message WHERE device_id = ?1"
                                    " AND expires > ?2 ORDER BY sequence",
                                    {device_id, settings_.now()}));
  for (;;) {
    OTA_TRY(const bool more, row.step());
    if (!more) break;
    queue.push_back(static_cast<std::uint64_t>(row.integer(0)));
  }
  if (queue.empty()) {
    OTA_TRY(drop_expired());
    waiting_.erase(device_id);
  }
  OTA_TRY(auto read, database_.query("SELECT properties, body, deliveries FROM message"
                                     " WHERE sequence = ?1",
                                     {0}));
  for (const std::uint64_t sequence : queue) {
    if (locks_.contains(sequence)) continue;
    DeviceLink* link = links_.find(device_id);
    if (link == nullptr) break;
    OTA_TRY(read.bind({sequence}));
    OTA_TRY(const bool there, read.step());
    if (!there) continue;
    if (read.integer(2) >= kDeliveriesMax) {
      OTA_TRY(drop(device_id, sequence));
      continue;
    }
    const Delivery delivery = link->deliver({sequence, read.text(0), read.text(1)});
    if (delivery == Delivery::Done) {
      OTA_TRY(drop(device_id, sequence));
    } else if (delivery == Delivery::Sent) {
      OTA_TRY(lock(device_id, sequence, {}));
    } else {
      break;
    }
  }
  return Ok{};
}

Outcome<bool> Messages::lock(const std::string& device_id, std::uint64_t sequence,
                             std::string token) {
  OTA_TRY(const auto counted,
          database_.execute("UPDATE message SET deliveries = deliveries + 1"
                            " WHERE sequence = ?1 AND device_id = ?2 AND expires > ?3"
                            " AND deliveries < ?4",
                            {sequence, device_id, settings_.now(), kDeliveriesMax}));
  if (counted == 0) return false;
  locks_[sequence] = {device_id, std::move(token), settings_.steady_now() + kMessageLock};
  return true;
}

bool Messages::redeliver(const std::string& device_id, std::uint64_t sequence) {
  const auto held = locks_.find(sequence);
  if (held != locks_.end() && !held->second.token.empty()) return false;
  const auto locked = lock(device_id, sequence, {});
  return locked && locked.value();
}

void Messages::completed(const std::string& device_id, std::uint64_t sequence) {
  // A message that stays because of a full disk is delivered twice: at least once is the promise.
  (void)drop(device_id, sequence);
}

Outcome<Ok> Messages::drop(const std::string& device_id, std::uint64_t sequence) {
  OTA_TRY(const auto count,
          database_.execute("DELETE FROM message WHERE sequence = ?1 AND device_id = ?2",
                            {sequence, device_id}));
  if (count > 0) locks_.erase(sequence);
  return Ok{};
}

// ---- Devices over HTTPS ----

Outcome<std::optional<FetchedMessage>> Messages::fetch(const std::string& device_id) {
  if (!waiting_.contains(device_id)) return std::optional<FetchedMessage>{};
  OTA_TRY(auto row, database_.query("SELECT sequence, properties, body, enqueued, deliveries"
                                    " FROM message WHERE device_id = ?1 ORDER BY sequence",
                                    {device_id}));
  for (;;) {
    OTA_TRY(const bool more, row.step());
    if (!more) return std::optional<FetchedMessage>{};
    FetchedMessage message{.sequence = static_cast<std::uint64_t>(row.integer(0)),
                           .properties = row.text(1),
                           .body = row.text(2),
                           .enqueued = row.text(3),
                           .deliveries = static_cast<int>(row.integer(4)) + 1,
                           .lock_token = random_guid()};
    if (locks_.contains(message.sequence)) continue;
    if (message.deliveries > kDeliveriesMax) {
      OTA_TRY(drop(device_id, message.sequence));
      continue;
    }
    OTA_TRY(const bool locked, lock(device_id, message.sequence, message.lock_token));
    if (locked) return std::optional{std::move(message)};
  }
}

Outcome<Ok> Messages::settle(const std::string& device_id, std::string_view lock_token,
                             Settlement how) {
  for (const auto& [sequence, lock] : locks_) {
    if (lock.device_id != device_id || lock.token.empty() || lock.token != lock_token) continue;
    if (how != Settlement::Abandon) return drop(device_id, sequence);
    locks_.erase(sequence);
    deliver(device_id);
    return Ok{};
  }
  return Failure{code::kLockLost, "no message is locked with this token, or no longer"};
}

// ---- Time ----

Outcome<Ok> Messages::drop_expired() {
  if (waiting_.empty()) return Ok{};
  OTA_TRY(database_.execute("DELETE FROM message WHERE expires <= ?1", {settings_.now()}));
  return Ok{};
}

void Messages::tick() {
  const Instant now = settings_.steady_now();
  std::set<std::string> freed;
  for (auto lock = locks_.begin(); lock != locks_.end();) {
    const auto current = lock++;
    if (now < current->second.end) continue;
    freed.insert(current->second.device_id);
    locks_.erase(current);
  }
  // What is expired is not delivered, whether or not it could be removed now.
  (void)drop_expired();
  for (const std::string& device_id : freed) deliver(device_id);
}

}  // namespace ota::hub
