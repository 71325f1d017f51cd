#pragma once

// A device and everything around it, in virtual time: the real driver, littlefs, store, journal,
// engine, download rules, hub session and JSON, over a simulated flash, MCU, blob server and hub.
// One thread and one seed: the same calls give the same history, and the same trace hash.
//
// Not in it: sockets, TLS, threads, and the agent's own process (tests/storm has those).

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "contract/offer.hpp"
#include "device/core/engine/ports.hpp"
#include "sim/flash/sim_w25q.hpp"
#include "sim/link/scripted_transport.hpp"
#include "sim/world/judge.hpp"
#include "sim/world/release.hpp"
#include "sim/world/sim_hub.hpp"
#include "sim/world/sim_mcu.hpp"
#include "sim/world/trace.hpp"

namespace ota::sim {

/// Something that a device does and that its power can fail at.
enum class Step : std::uint8_t {
  FlashOperation,  // a program or an erase
  McuStep,         // a piece written to the MCU, or a question
  DiskSave,        // the copy of the truth outside the flash chip
  NetworkPiece,    // a piece of a body that arrived
  HubMessage,      // a publish to the hub
};
inline constexpr std::uint8_t kStepCount = 5;
const char* to_text(Step step) noexcept;

/// The end of a device's RAM, at a given step counted from now.
struct Cut {
  enum class Kind : std::uint8_t {
    Power,      // the flash part loses its power too, and tears what it was doing
    HostReset,  // the part goes on, busy or not, while the host starts again
  };
  Step step = Step::FlashOperation;
  std::uint64_t at = 0;
  Kind kind = Kind::Power;
  PowerCut tear = {};  // at_operation is not used
};

/// What a device is when its story begins.
struct Start {
  FlashCells cells;
  std::optional<engine::Truth> disk;
  Release installed;  // version 0: the factory image, nothing on the flash
  std::uint32_t flash_bytes = kFlashBytes;
};

/// A device with an image on a flash of this size, as `mcu-ota-agent import` leaves it.
Start make_start(const Release& installed, std::uint32_t flash_bytes);

class World {
 public:
  /// A device without power: boot() starts it.
  World(const Start& start, std::uint64_t seed);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // The operator.
  /// Puts the image onto the server and into the twin; a lower or equal version is an offer too.
  void deploy(const Release& release, std::uint32_t attempt = 0);
  /// Puts the image onto the server. @returns the offer as the operator's tool writes it
  contract::Offer upload(const Release& release, std::uint32_t attempt = 0);
  void desire(std::string_view patch);
  void withdraw();

  // Fate.
  void schedule(const Cut& cut);
  void cancel_cut() noexcept;
  /// RAM is lost and the device starts again. If the part has no power, it gets it back.
  void boot();
  bool alive() const noexcept;

  /// Lets the device work until it rests with everything said, until it dies, or for `limit`.
  void run(Duration limit);
  /// Lets time pass for the device, whatever it does.
  void idle(Duration duration);
  /// True if nothing is under way and the hub knows everything.
  bool settled() const;
  /// `mcu-ota-agent import`: the image that the MCU is said to run.
  Status import_image(const Release& release);

  // Who is there.
  SimW25q& part() noexcept { return part_; }
  SimMcu& mcu() noexcept { return mcu_; }
  SimHub& hub() noexcept { return hub_; }
  ScriptedTransport& network() noexcept { return network_; }
  Judge& judge() noexcept { return judge_; }
  Trace& trace() noexcept { return trace_; }
  Instant now() noexcept { return part_.now(); }
  const std::optional<engine::Truth>& disk() const noexcept { return disk_; }
  /// The copy of the truth is gone, as on a device that was set up anew.
  void lose_disk() noexcept { disk_.reset(); }
  std::uint64_t boots() const noexcept { return boots_; }
  std::uint64_t cuts() const noexcept { return cuts_; }
  /// How often each kind of step was done so far.
  std::uint64_t steps(Step step) const noexcept;
  contract::Phase phase() const;
  /// The version of the image that the device keeps as confirmed; 0: none.
  std::uint32_t installed();

  /// A device at rest has told the truth, whatever came before.
  void expect_truth();
  /// The last look at the world: what was said and what is there must agree.
  /// @param running  what the MCU must run
  void expect_end(std::uint32_t running, contract::StatusWord status, contract::Code code);

 private:
  class PartClock;
  class Disk;
  class Reports;
  class Network;
  struct Device;

  void require(bool kept, const std::string& promise);
  bool step(Step step);
  void die(const Cut& cut);
  void cloud_turn();
  void connect_or_lose(Instant now);
  void take_mail();
  std::optional<Instant> turn(Instant end);
  void work_until(Instant end, bool until_settled);

  SimW25q part_;
  SplitMix64 random_;
  std::unique_ptr<PartClock> clock_;
  ScriptedTransport network_;
  SimMcu mcu_;
  SimHub hub_;
  Judge judge_;
  Trace trace_;
  std::optional<engine::Truth> disk_;
  std::uint64_t uploads_ = 0;
  std::uint64_t tokens_ = 0;
  Digest uploaded_{};
  std::uint64_t fetched_end_ = 0;  // of the uploaded object, the best so far

  std::uint64_t steps_[kStepCount] = {};
  std::uint64_t boots_ = 0;
  std::uint64_t cuts_ = 0;
  std::optional<Cut> cut_;
  Instant connect_at_{};
  Instant last_connect_{};
  std::unique_ptr<Device> device_;
};

}  // namespace ota::sim
