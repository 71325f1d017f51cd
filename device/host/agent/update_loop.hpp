#pragma once

// The update thread: gives the engine its mail and lets it work.

#include <cstdint>
#include <functional>

#include "base/clock.hpp"
#include "device/core/engine/updater.hpp"
#include "device/core/store/store.hpp"
#include "device/host/agent/event_log.hpp"
#include "device/host/agent/fetch_meter.hpp"
#include "device/host/agent/inbox.hpp"

namespace ota::agent {

class UpdateLoop {
 public:
  struct Parts {
    UpdateInbox& inbox;
    engine::Updater& updater;
    store::Store& store;
    FetchMeter& meter;
    EventLog& events;
    Clock& clock;
  };

  /// @param after_step  called on the update thread each time that the engine has come back
  UpdateLoop(Parts parts, std::function<void()> after_step)
      : parts_(parts), after_step_(std::move(after_step)) {}

  /// Returns after the inbox was told to stop; what was downloaded is then durable.
  void run();

 private:
  void deliver(const net::Wish& wish);
  void tell_unexpected();

  Parts parts_;
  std::function<void()> after_step_;
  std::uint32_t unexpected_events_ = 0;
};

}  // namespace ota::agent
