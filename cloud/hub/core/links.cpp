#include "cloud/hub/core/links.hpp"

#include <utility>

namespace ota::hub {

void Links::add(const std::string& device_id, DeviceLink& link, Connected facts) {
  Entry& place = links_[device_id];
  DeviceLink* older = std::exchange(place.link, &link);
  place.facts = std::move(facts);
  if (older != nullptr && older != &link) older->close("the device connected again");
  tell({.type = EventType::Connection,
        .device_id = device_id,
        .properties = "deviceConnected",
        .body = {}});
}

bool Links::remove(const std::string& device_id, const DeviceLink& link) {
  const auto found = links_.find(device_id);
  if (found == links_.end() || found->second.link != &link) return false;
  tell({.type = EventType::Connection,
        .device_id = device_id,
        .properties = "deviceDisconnected",
        .body = {}});
  links_.erase(found);
  return true;
}

DeviceLink* Links::find(const std::string& device_id) const {
  const auto found = links_.find(device_id);
  return found == links_.end() ? nullptr : found->second.link;
}

void Links::tell(Event event) const {
  if (const auto found = links_.find(event.device_id); found != links_.end()) {
    event.generation_id = found->second.facts.generation_id;
    event.authentication_type = found->second.facts.authentication_type;
  }
  events_.add(std::move(event));
}

void Notices::desired_patch(std::string device_id, std::uint64_t version, std::string json) {
  patches_.push_back({std::move(device_id), version, std::move(json)});
}

void Notices::close(std::string device_id, std::string reason) {
  closings_.push_back({std::move(device_id), std::move(reason)});
}

void Notices::event(Event event) { events_.push_back(std::move(event)); }

void Notices::created(const std::string& device_id) {
  event({.type = EventType::Lifecycle,
         .device_id = device_id,
         .properties = "createDeviceIdentity",
         .body = {}});
}

void Notices::deleted(const std::string& device_id) {
  close(device_id, "the device was deleted");
  event({.type = EventType::Lifecycle,
         .device_id = device_id,
         .properties = "deleteDeviceIdentity",
         .body = {}});
}

void Notices::deliver(const Links& links) {
  for (Event& event : events_) links.tell(std::move(event));
  for (const Patch& patch : patches_) {
    if (DeviceLink* link = links.find(patch.device_id))
      link->desired_patch(patch.version, patch.json);
  }
  for (const Closing& closing : closings_) {
    if (DeviceLink* link = links.find(closing.device_id)) link->close(closing.reason);
  }
}

}  // namespace ota::hub
