#pragma once

// A whole device in virtual time: the update engine on the real store, driver and simulated part,
// with a scripted network, an MCU, and a hub that takes reports. boot() is a restart with all RAM
// lost.

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "device/core/engine/updater.hpp"
#include "device/core/flash/w25q.hpp"
#include "device/core/mcu/store_only.hpp"
#include "sim/flash/sim_w25q.hpp"
#include "sim/link/manual_clock.hpp"
#include "sim/link/scripted_transport.hpp"
#include "sim/world/memory_image.hpp"
#include "sim/world/sim_mcu.hpp"

namespace ota::test {

using contract::Code;
using contract::Phase;
using contract::StatusWord;
using sim::MemoryImage;
using TestMcu = sim::SimMcu;

inline std::vector<std::byte> random_image(std::size_t size, std::uint64_t seed) {
  SplitMix64 random(seed);
  std::vector<std::byte> bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::byte>(random.next() >> 56U);
  return bytes;
}

/// The copy of the truth on the device's own disk.
struct TestTruth final : engine::TruthKeeper {
  std::optional<engine::Truth> load() noexcept override { return kept; }
  void save(const engine::Truth& truth) noexcept override {
    if (part->powered()) kept = truth;
  }
  std::optional<engine::Truth> kept;
  const sim::SimW25q* part = nullptr;  // its supply is the device's
};

/// The hub: keeps what it is told, and checks that it is so.
struct TestHub final : engine::ReportSink {
  void report(const contract::Report& report, std::uint32_t number) noexcept override {
    if (!part->powered()) return;
    reports.push_back(report);
    if (on_report) on_report(report);
    if (number != 0) to_acknowledge = number;
    if (report.status == StatusWord::Applied && mcu != nullptr && report.version > 0) {
      EXPECT_EQ(mcu->running(), std::to_string(report.version)) << "the report is not so";
    }
  }
  bool saw(StatusWord status, Code code) const {
    for (const auto& report : reports) {
      if (report.status == status && report.code == code) return true;
    }
    return false;
  }
  std::vector<contract::Report> reports;
  std::optional<std::uint32_t> to_acknowledge;
  std::function<void(const contract::Report&)> on_report;
  const sim::SimW25q* part = nullptr;
  const TestMcu* mcu = nullptr;
};

class EngineRig {
 public:
  /// @param old_version  what the MCU runs from the start; its image is on the flash unless 0
  explicit EngineRig(std::uint32_t old_version = 5, std::size_t old_size = 20'000)
      : mcu(std::to_string(old_version)), old_image(random_image(old_size, old_version)) {
    truth.part = hub.part = &part;
    hub.mcu = &mcu;
    // Most tests count the operations of the flash in a device that rests for hours.
    settings.erase_ahead_after = Duration::zero();
    mcu.on_step = [this](std::uint64_t step) {
      if (cut_mcu_step && step == *cut_mcu_step) part.cut_power(step);
      return part.powered();
    };
    boot();
    if (old_version == 0) return;
    MemoryImage source(old_image);
    const auto imported = updater().import_image(identity(old_image, old_version), source);
    EXPECT_TRUE(imported) << to_text(imported.error());
  }

  static store::ImageIdentity identity(Bytes image, std::uint32_t version) {
    store::ImageIdentity identity;
    identity.version = version;
    identity.size_bytes = static_cast<std::uint32_t>(image.size());
    identity.sha256 = sha256(image);
    identity.mcu_version.append_number(version);
    return identity;
  }

  /// Puts an image on the server and makes the twin ask for it.
  contract::Offer& publish(Bytes image, std::uint32_t version) {
    remote.bytes.assign(image.begin(), image.end());
    transport.serve(remote);
    contract::Offer offer;
    offer.version = version;
    offer.size_bytes = static_cast<std::uint32_t>(image.size());
    offer.sha256 = sha256(image);
    offer.url = "https://store/fw/app.bin";
    offer.sas = "sig=token";
    offer.mcu_version.append_number(version);
    return twin.emplace(offer);
  }

  /// A restart: RAM is lost, the flash stays; the twin answers after a while, as after a connect.
  void boot() {
    device.reset();
    if (!part.powered()) part.power_up();
    transport.on_piece({});
    device.emplace(*this);
    updater().start();
    if (twin) updater().offer(*twin);
  }

  /// Lets the device work until it rests, loses its power, or `limit` has passed.
  void run(Duration limit = std::chrono::hours(1)) {
    const Instant end = clock.now() + limit;
    for (int round = 0; part.powered(); ++round) {
      ASSERT_LT(round, 20'000) << "the engine does not come to rest";
      const auto wake = updater().run(cancel);
      if (!part.powered()) return;
      if (hub.to_acknowledge && hub_acknowledges) {
        updater().acknowledged(*hub.to_acknowledge);
        hub.to_acknowledge.reset();
        continue;
      }
      if (!wake || cancel.requested()) return;
      if (*wake > end) {
        clock.advance_to(end);
        return;
      }
      clock.advance_to(*wake);
    }
  }

  void offer() { updater().offer(*twin); }

  engine::Updater& updater() { return device->updater; }
  store::Store& store() { return device->store; }
  const contract::Report& last_report() const { return hub.reports.back(); }

  /// The version of the image in a slot; 0 if there is none.
  std::uint32_t slot_version(store::Slot slot) {
    const auto found = store().find(slot);
    return found ? found->identity.version : 0;
  }

  struct Device {
    explicit Device(EngineRig& rig)
        : driver(rig.part),
          updater(store, rig.transport,
                  rig.store_only ? static_cast<mcu::Programmer&>(rig.no_mcu) : rig.mcu, rig.hub,
                  rig.truth, rig.clock, rig.random, rig.settings) {}
    flash::W25q driver;
    store::Store store{driver};
    engine::Updater updater;
  };

  sim::ManualClock clock;
  SplitMix64 random{20'240'601};
  sim::SimW25q part;
  sim::ScriptedTransport transport{clock};
  sim::RemoteObject remote;
  TestMcu mcu;
  mcu::StoreOnlyProgrammer no_mcu;
  bool store_only = false;
  bool hub_acknowledges = true;
  TestHub hub;
  TestTruth truth;
  engine::Settings settings;
  Cancel cancel;
  std::vector<std::byte> old_image;
  std::optional<contract::Offer> twin;
  std::optional<std::uint64_t> cut_mcu_step;
  std::optional<Device> device;
};

/// The device has come to rest with this version on its MCU, and has said so.
inline void expect_runs(EngineRig& rig, std::uint32_t version) {
  EXPECT_EQ(rig.mcu.running(), std::to_string(version));
  EXPECT_EQ(rig.updater().phase(), Phase::Idle);
  EXPECT_EQ(rig.last_report().status, StatusWord::Applied);
  EXPECT_EQ(rig.last_report().version, version);
  EXPECT_EQ(rig.mcu.wrong_images, 0);
}

}  // namespace ota::test
