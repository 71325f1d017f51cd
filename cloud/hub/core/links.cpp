#include "cloud/hub/core/links.hpp"

#include <utility>

namespace ota::hub {

void Links::add(const std::string& device_id, DeviceLink& link) {
  DeviceLink*& place = links_[device_id];
  DeviceLink* older = std::exchange(place, &link);
  if (older != nullptr && older != &link) older->close("the device connected again");
}

bool Links::remove(const std::string& device_id, const DeviceLink& link) {
  const auto found = links_.find(device_id);
  if (found == links_.end() || found->second != &link) return false;
  links_.erase(found);
  return true;
}

DeviceLink* Links::find(const std::string& device_id) const {
  const auto found = links_.find(device_id);
  return found == links_.end() ? nullptr : found->second;
}

void Notices::desired_patch(std::string device_id, std::uint64_t version, std::string json) {
  patches_.push_back({std::move(device_id), version, std::move(json)});
}

void Notices::close(std::string device_id, std::string reason) {
  closings_.push_back({std::move(device_id), std::move(reason)});
}

void Notices::deliver(const Links& links) const {
  for (const Patch& patch : patches_) {
    if (DeviceLink* link = links.find(patch.device_id))
      link->desired_patch(patch.version, patch.json);
  }
  for (const Closing& closing : closings_) {
    if (DeviceLink* link = links.find(closing.device_id)) link->close(closing.reason);
  }
}

}  // namespace ota::hub
