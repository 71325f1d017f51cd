#pragma once

// The parts of one update, wired together: flash, store, transport, programmer and engine.

#include <memory>
#include <string>

#include "base/random.hpp"
#include "device/core/engine/updater.hpp"
#include "device/core/flash/w25q.hpp"
#include "device/core/store/store.hpp"
#include "device/host/agent/config.hpp"
#include "device/host/agent/event_log.hpp"
#include "device/host/agent/fetch_meter.hpp"
#include "device/host/agent/flash_port.hpp"
#include "device/host/agent/metered_transport.hpp"
#include "device/host/agent/steady_clock.hpp"
#include "device/host/net/curl_transport.hpp"

namespace ota::agent {

class Device {
 public:
  struct Ports {
    FlashPort& flash;
    engine::ReportSink& reports;
    engine::TruthKeeper& truth;
    EventLog& events;
    FetchMeter& meter;
    std::uint64_t event_bytes = 0;  // see MeteredTransport
  };

  Device(const Config& config, const Ports& ports);

  flash::W25q& flash() noexcept { return flash_; }
  store::Store& store() noexcept { return store_; }
  engine::Updater& updater() noexcept { return updater_; }

 private:
  SteadyClock clock_;
  SplitMix64 random_;
  flash::W25q flash_;
  store::Store store_;
  net::CurlTransport curl_;
  MeteredTransport transport_;
  std::unique_ptr<mcu::Programmer, void (*)(mcu::Programmer*)> programmer_;
  engine::Updater updater_;
};

/// A seed that differs from device to device and from start to start.
std::uint64_t random_seed();

}  // namespace ota::agent
