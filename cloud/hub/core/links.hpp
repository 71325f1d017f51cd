#pragma once

// The connected devices, and what a change has to tell them, and those who watch, once it is
// durable.

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "cloud/hub/core/core.hpp"
#include "cloud/hub/core/events.hpp"

namespace ota::hub {

/// What events say of a connection.
struct Connected {
  std::string generation_id;
  std::string authentication_type;  // sas, selfSigned, certificateAuthority
};

class Links {
 public:
  explicit Links(Events& events) : events_(events) {}

  /// Registers the link; an older one of the same device is closed.
  void add(const std::string& device_id, DeviceLink& link, Connected facts = {});
  /// False if another link has taken the device over.
  bool remove(const std::string& device_id, const DeviceLink& link);
  DeviceLink* find(const std::string& device_id) const;
  /// Adds an event with what is known of the device's connection.
  void tell(Event event) const;
  std::size_t size() const { return links_.size(); }

 private:
  struct Entry {
    DeviceLink* link = nullptr;
    Connected facts;
  };
  Events& events_;
  std::unordered_map<std::string, Entry> links_;
};

/// What a change has to tell devices. Collected inside a transaction and delivered after its
/// commit: a device never hears of something that a crash could undo.
class Notices {
 public:
  void desired_patch(std::string device_id, std::uint64_t version, std::string json);
  void close(std::string device_id, std::string reason);
  void event(Event event);
  void created(const std::string& device_id);
  /// Closes the device's connection, too.
  void deleted(const std::string& device_id);
  /// Called once: what was told is gone afterwards.
  void deliver(const Links& links);

 private:
  struct Patch {
    std::string device_id;
    std::uint64_t version;
    std::string json;
  };
  struct Closing {
    std::string device_id;
    std::string reason;
  };
  std::vector<Patch> patches_;
  std::vector<Closing> closings_;
  std::vector<Event> events_;
};

}  // namespace ota::hub
