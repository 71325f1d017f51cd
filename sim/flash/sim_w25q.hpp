#pragma once

// A W25Q128JV, or a smaller part of its series, behind its SPI bus: bytes in, bytes out, virtual
// time.
//
// Modelled: commands executed when chip select rises; BUSY, WEL, suspend and resume, power-down,
// reset, power-up times; NOR cells that only an erase sets to 1; page wrap and the last-256 rule;
// block protection (BP, TB, SEC, CMP; with WPS everything is locked); SFDP and ids; the time of
// bits on the bus and of operations; erase counts of each 4 KiB sector.
//
// Faults: a power cut in any program or erase, with the torn results of tear.hpp, after which each
// transfer fails until power_up(); cells that an interrupted erase leaves unstable, so that each
// read of them may differ; a host that dies alone, after which each transfer fails until
// host_restart(), while the part goes on with its operation, or is left suspended or asleep; a
// reset during an operation tears it; BUSY that never ends; a missing part, or another one in its
// place; bits that flip in cells or only on the wire; sectors in which programs and erases stay
// incomplete; protected parts. One seed decides each fault.
//
// Not modelled: cells that a program leaves marginal, cells that lose their charge later, disturb
// of neighbours, over-erased cells, torn writes of status registers, dual and quad transfers,
// security registers, individual block locks. A flash file keeps neither status registers nor which
// cells are unstable.
//
// Misuse is recorded as a Violation; the part is stricter than a real one and counts a program over
// unstable cells too. Time moves only by transfers, wait() and advance(). trace() is the same for
// the same history of programs and erases.

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/random.hpp"
#include "device/core/flash/spi_bus.hpp"
#include "sim/flash/flash_cells.hpp"
#include "sim/flash/tear.hpp"
#include "sim/flash/violation.hpp"

namespace ota::sim {

struct FlashOptions {
  std::uint32_t size_bytes = kFlashBytes;  // a power of two, kFlashBytesMin .. kFlashBytes
  std::uint32_t clock_hz = 40'000'000;
  FlashTimes times = kTypicalTimes;
  std::uint64_t overhead_ns = 0;  // of the host, for each transfer call
  std::size_t frame_bytes_max = 4096;
  std::array<std::uint8_t, 3> jedec_id = w25q_jedec_id(size_bytes);
  std::array<std::uint8_t, kSfdpBytes> sfdp = w25q_sfdp(size_bytes);
};

/// A cut inside a program or erase: of the power, or of the host alone. The kind of tear is drawn
/// from the seed where it is not given.
struct PowerCut {
  std::uint64_t at_operation = 0;  // counted from now; 0: the next one
  std::uint64_t tear_seed = 0;
  std::optional<ProgramTear> program{};
  std::optional<EraseTear> erase{};
  /// The operation begins as it should, and the part goes on with it; but the host is gone.
  bool host_only = false;
};

class SimW25q final : public flash::SpiBus {
 public:
  explicit SimW25q(FlashCells cells = {}, const FlashOptions& options = {});

  Status transfer(std::span<const flash::SpiFrame> frames) noexcept override;
  std::size_t frame_bytes_max() const noexcept override { return options_.frame_bytes_max; }
  void wait(Duration duration) noexcept override;
  Instant now() noexcept override;

  /// Lets time pass in which nobody waits for the flash; does not count as flash time.
  void advance(Duration duration) noexcept;

  // Power.
  void schedule(const PowerCut& cut) noexcept;
  void cancel_cut() noexcept { cut_.reset(); }
  /// Cuts the power now; an operation in progress is torn.
  void cut_power(std::uint64_t tear_seed);
  bool powered() const noexcept { return powered_; }
  /// Ends a cut; the host starts too. The part listens after 20 us and takes writes after 5 ms.
  void power_up();

  // The host on the other end of the bus, which may restart alone.
  void stop_host() noexcept { host_alive_ = false; }
  void host_restart() noexcept { host_alive_ = true; }
  bool host_alive() const noexcept { return host_alive_; }
  /// Whether transfers can succeed.
  bool usable() const noexcept { return powered_ && host_alive_; }
  /// What the last software may have left behind: the erase or program under way suspended (75h).
  /// @returns false if there was none
  bool leave_suspended();
  /// Or the part asleep (B9h). @returns false if it is busy, so that it would not listen
  bool leave_asleep();

  // Faults.
  void set_missing(bool missing) noexcept { missing_ = missing; }
  void set_stuck_busy(bool stuck) noexcept { stuck_busy_ = stuck; }
  /// Another part took the place of this one. Its content is set by cells().
  void set_jedec_id(const std::array<std::uint8_t, 3>& id) noexcept { options_.jedec_id = id; }
  void break_sector(std::uint32_t address) { broken_sectors_.push_back(address / kSectorBytes); }
  /// From now on one byte in `one_in` that is read has a wrong bit, on the wire only; 0: none.
  void set_read_noise(std::uint32_t one_in, std::uint64_t seed) noexcept;
  /// Sets the three status registers as a production line might have left them.
  void set_status_registers(const std::array<std::uint8_t, 3>& values) noexcept;
  /// Makes writes of the status registers have no effect (SRL, or /WP held low).
  void lock_status_registers() noexcept { registers_locked_ = true; }

  // Observation.
  FlashCells& cells() noexcept { return cells_; }
  const FlashCells& cells() const noexcept { return cells_; }
  const FlashStats& stats() const noexcept { return cells_.stats(); }
  const Violations& violations() const noexcept { return violations_; }
  std::uint64_t operations() const noexcept { return cells_.stats().operations; }
  std::uint32_t size_bytes() const noexcept { return options_.size_bytes; }
  /// A hash over all programs and erases that were begun: kind, address, length and content.
  std::uint64_t trace() const noexcept { return trace_; }
  bool busy() const noexcept;

 private:
  enum class Work : std::uint8_t { None, Program, Erase, WriteRegister };
  struct Operation {
    Work work = Work::None;
    std::uint32_t address = 0;
    std::uint32_t size_bytes = 0;
    std::uint64_t ends_ns = 0;
    std::uint8_t register_index = 0;
    std::uint8_t register_value = 0;
    std::array<std::byte, kPageBytes> mask{};
  };
  struct Outgoing;  // what the host sends in one frame

  void execute(const flash::SpiFrame& frame);
  bool listens(std::uint8_t opcode, std::uint32_t address);
  void execute_read(std::uint8_t opcode, const Outgoing& out, MutableBytes in);
  void execute_write(std::uint8_t opcode, const Outgoing& out);
  void execute_control(std::uint8_t opcode);
  void read_array(const Outgoing& out, std::size_t header_bytes, MutableBytes in);
  void begin_program(const Outgoing& out);
  void begin_erase(std::uint32_t address, std::uint32_t size_bytes, std::uint64_t time_ns);
  void begin_register_write(std::uint8_t index, const Outgoing& out);
  void begin(const Operation& operation, std::uint64_t time_ns);
  void note_in_trace(const Operation& operation) noexcept;
  bool may_change(std::uint32_t address, std::uint32_t size_bytes);
  void note_overwrites(const Operation& operation);
  void settle();
  void finish_operation();
  void tear_operation(Operation& operation, const PowerCut& cut);
  void lose_power();
  void reset_volatile_state() noexcept;
  std::uint8_t status(std::uint8_t index) const noexcept;
  bool is_protected(std::uint32_t address, std::uint32_t size_bytes) const noexcept;
  bool is_broken(std::uint32_t address, std::uint32_t size_bytes) const noexcept;
  void pass_bus_time(std::uint64_t nanoseconds) noexcept;

  FlashCells cells_;
  FlashOptions options_;
  Violations violations_;
  std::uint64_t now_ns_ = 0;

  std::array<std::uint8_t, 3> registers_{};            // in use
  std::array<std::uint8_t, 3> permanent_registers_{};  // after the next power-up
  Operation operation_;
  std::optional<Operation> suspended_;
  bool write_enabled_ = false;
  bool volatile_register_write_ = false;
  bool reset_enabled_ = false;
  bool asleep_ = false;
  std::uint64_t listens_from_ns_ = 0;
  std::uint64_t writes_from_ns_ = 0;

  bool powered_ = true;
  bool host_alive_ = true;
  std::uint64_t trace_ = 0;
  std::optional<PowerCut> cut_;
  bool missing_ = false;
  bool stuck_busy_ = false;
  bool registers_locked_ = false;
  std::uint32_t noise_one_in_ = 0;
  SplitMix64 random_{0x5EEDF1A5};
  std::vector<std::uint32_t> broken_sectors_;
};

}  // namespace ota::sim
