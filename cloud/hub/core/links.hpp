#pragma once

// The connected devices, and what a change has to tell them once it is durable.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cloud/hub/core/core.hpp"

namespace ota::hub {

class Links {
 public:
  /// Registers the link; an older one of the same device is closed.
  void add(const std::string& device_id, DeviceLink& link);
  /// False if another link has taken the device over.
  bool remove(const std::string& device_id, const DeviceLink& link);
  DeviceLink* find(const std::string& device_id) const;
  std::size_t size() const { return links_.size(); }

 private:
  std::map<std::string, DeviceLink*, std::less<>> links_;
};

/// What a change has to tell devices. Collected inside a transaction and delivered after its
/// commit: a device never hears of something that a crash could undo.
class Notices {
 public:
  void desired_patch(std::string device_id, std::uint64_t version, std::string json);
  void close(std::string device_id, std::string reason);
  void deliver(const Links& links) const;

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
};

}  // namespace ota::hub
