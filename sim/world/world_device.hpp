#pragma once

// The parts of a World that face the device: what the firmware of the device would call its
// drivers, its disk, its network.

#include <optional>
#include <vector>

#include "base/cancel.hpp"
#include "device/core/engine/updater.hpp"
#include "device/core/flash/w25q.hpp"
#include "device/core/store/store.hpp"
#include "device/host/net/hub_session.hpp"
#include "sim/world/world.hpp"

namespace ota::sim {

/// The world's time is the flash part's: what the flash takes, passes for everybody.
class World::PartClock final : public VirtualClock {
 public:
  explicit PartClock(SimW25q& part) noexcept : part_(part) {}
  Instant now() noexcept override { return part_.now(); }
  void advance(Duration by) noexcept override { part_.advance(by); }

 private:
  SimW25q& part_;
};

/// The copy of the truth on the device's own disk: the old one or the new one, whole.
class World::Disk final : public engine::TruthKeeper {
 public:
  explicit Disk(World& world) noexcept : world_(world) {}
  std::optional<engine::Truth> load() noexcept override { return world_.disk_; }
  void save(const engine::Truth& truth) noexcept override;

 private:
  World& world_;
};

class World::Reports final : public engine::ReportSink {
 public:
  explicit Reports(World& world) noexcept : world_(world) {}
  void report(const contract::Report& report, std::uint32_t outcome_number) noexcept override;

 private:
  World& world_;
};

/// The way to the blob server. Each piece that arrives is a step, and a moment at which the cloud
/// side of the device works too.
class World::Network final : public fetch::Transport {
 public:
  explicit Network(World& world) noexcept : world_(world) {}
  fetch::TransferEnd get(const fetch::Request& request, fetch::Receiver& receiver,
                         const Cancel& cancel) noexcept override;

 private:
  class Watcher;
  World& world_;
};

/// Everything that a restart forgets.
struct World::Device {
  explicit Device(World& world);

  Disk disk;
  Reports reports;
  Network network;
  flash::W25q driver;
  store::Store store;
  net::HubSession session;
  engine::Updater updater;
  Cancel cancel;
  std::optional<net::Wish> wish;  // for the engine; the newest one wins
  std::optional<net::Wish> last_wish;
  std::vector<std::uint32_t> acknowledged;
};

}  // namespace ota::sim
