#pragma once

#include "device/core/flash/spi_bus.hpp"

namespace ota::sim {

/// The time of the host, and a way to let it pass.
class HostTime : public Clock {
 public:
  virtual void let_pass(Duration duration) noexcept = 0;

 protected:
  ~HostTime() = default;  // used by reference, never owned
};

/// Makes a simulated flash as slow as a real one: each call returns no earlier than its virtual
/// time says. Without it the simulation runs as fast as the host can.
class PacedBus final : public flash::SpiBus {
 public:
  PacedBus(flash::SpiBus& bus, HostTime& host) noexcept
      : bus_(bus), host_(host), virtual_begin_(bus.now()), host_begin_(host.now()) {}

  Status transfer(std::span<const flash::SpiFrame> frames) noexcept override {
    const Status done = bus_.transfer(frames);
    keep_pace();
    return done;
  }
  std::size_t frame_bytes_max() const noexcept override { return bus_.frame_bytes_max(); }
  void wait(Duration duration) noexcept override {
    bus_.wait(duration);
    keep_pace();
  }
  Instant now() noexcept override { return bus_.now(); }

 private:
  /// Shorter sleeps would cost more than they last; what is left of them is made up for by the next
  /// one.
  static constexpr Duration kSleepMin = std::chrono::milliseconds(1);

  void keep_pace() noexcept {
    const Duration virtual_time = bus_.now() - virtual_begin_;
    const Duration host_time = host_.now() - host_begin_;
    if (virtual_time - host_time >= kSleepMin) {
      host_.let_pass(virtual_time - host_time);
    } else if (host_time > virtual_time) {
      // Time in which the flash had nothing to do is not caught up on.
      virtual_begin_ = bus_.now();
      host_begin_ = host_.now();
    }
  }

  flash::SpiBus& bus_;
  HostTime& host_;
  Instant virtual_begin_;
  Instant host_begin_;
};

}  // namespace ota::sim
