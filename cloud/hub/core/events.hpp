#pragma once

// What a developer sees of the hub: messages of devices, changes of twins, devices that come and
// go. Kept in memory for a while; readers that are too slow are told how many they missed, and hold
// up nobody.

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cloud/hub/core/core.hpp"

namespace ota::hub {

inline constexpr std::size_t kEventsMax = 10'000;
inline constexpr std::size_t kEventBytesMax = 16 * 1024 * 1024;
inline constexpr std::size_t kEventReadersMax = 32;

enum class EventType : std::uint8_t { Telemetry, Twin, Lifecycle, Connection };

/// The name of a type in lines and requests: telemetry, twin, lifecycle, connection.
std::string_view name_of(EventType type);
std::optional<EventType> event_type(std::string_view name);

struct Event {
  EventType type = EventType::Telemetry;
  std::string device_id;
  std::string
      properties;    // telemetry: the encoded bag of the topic; else the name of the operation
  std::string body;  // telemetry: as sent; else a JSON text
  // Twin, where one section of the properties was patched: which, and the version that it has now;
  // `body` is the patch. Put together when somebody reads, which hardly anybody does.
  std::string_view section = {};
  std::uint64_t version = 0;
  // Of the device's connection; empty where there is none.
  std::string generation_id = {};
  std::string authentication_type = {};
};

/// What a reader wants to see; empty means everything.
struct EventFilter {
  std::string device_id;
  std::set<EventType> types;
};

class Events {
 public:
  /// `origin` is the number of the first event. A hub that starts again goes on with a higher one,
  /// so that a reader can ask for what came after the last event that it saw.
  explicit Events(std::function<contract::UnixSeconds()> now, std::uint64_t origin = 1);

  void add(Event event);

  /// The number that the next event will have.
  std::uint64_t next_sequence() const { return log_->next; }

  /// Lines of JSON: {"type":"ready","sequence":N}, then one for each event from number `from` on.
  /// Nothing if there are too many readers.
  std::shared_ptr<LiveBody> open_reader(std::uint64_t from, EventFilter filter);

 private:
  struct Entry {
    Event event;
    contract::UnixSeconds time = 0;
  };
  /// Shared with the readers, which may outlive the hub's core for a moment.
  struct Log {
    std::deque<Entry> entries;
    std::uint64_t origin = 1;  // number of the first event of this hub
    std::uint64_t next = 1;    // number of the event after the last one in `entries`
    std::size_t bytes = 0;
    std::uint64_t first() const { return next - entries.size(); }
  };
  class Reader;
  static std::size_t size_of(const Event& event);
  static std::string line_of(const Entry& entry, std::uint64_t sequence);

  std::function<contract::UnixSeconds()> now_;
  std::shared_ptr<Log> log_;
  std::vector<std::weak_ptr<Reader>> readers_;
};

}  // namespace ota::hub
