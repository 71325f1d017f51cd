#include "sim/flash/sim_w25q.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/bytes.hpp"

namespace ota::sim {
namespace {

constexpr std::uint8_t kBusy = 0x01;
constexpr std::uint8_t kWriteEnabled = 0x02;
constexpr std::uint8_t kSuspended = 0x80;
constexpr std::uint8_t kOneTimeLocks = 0x38;  // SR2: LB1..LB3
constexpr std::array<std::uint8_t, 3> kWritableBits = {0xFC, 0x7B, 0xE4};

constexpr std::uint64_t kListenAfterPowerUp = 20 * kMicrosecond;  // tVSL
constexpr std::uint64_t kWriteAfterPowerUp = 5 * kMillisecond;    // tPUW
constexpr std::uint64_t kResetTime = 30 * kMicrosecond;           // tRST
constexpr std::uint64_t kWakeTime = 3 * kMicrosecond;             // tRES1
constexpr std::uint64_t kSuspendTime = 20 * kMicrosecond;         // tSUS

bool is_status_read(std::uint8_t opcode) {
  return opcode == 0x05 || opcode == 0x35 || opcode == 0x15;
}

bool is_write(std::uint8_t opcode) {
  constexpr std::array<std::uint8_t, 11> kWrites = {0x06, 0x02, 0x20, 0x52, 0xD8, 0xC7,
                                                    0x60, 0x01, 0x31, 0x11, 0x50};
  return std::find(kWrites.begin(), kWrites.end(), opcode) != kWrites.end();
}

/// Word by word: each program asks this of a whole page.
bool is_erased(Bytes page) {
  std::uint64_t all = ~std::uint64_t{0};
  for (std::size_t at = 0; at < page.size(); at += 8) all &= load_le64(page.data() + at);
  return all == ~std::uint64_t{0};
}

bool is_data_read(std::uint8_t opcode) { return opcode == 0x03 || opcode == 0x0B; }

}  // namespace

/// Opcode, address and data as they leave the host, wherever its two buffers meet.
struct SimW25q::Outgoing {
  Bytes command;
  Bytes write;

  std::size_t size() const { return command.size() + write.size(); }
  std::uint8_t at(std::size_t index) const {
    const std::byte byte = index < command.size() ? command[index] : write[index - command.size()];
    return std::to_integer<std::uint8_t>(byte);
  }
  std::uint32_t address() const {
    if (size() < 4) return 0;
    return (std::uint32_t{at(1)} << 16U) | (std::uint32_t{at(2)} << 8U) | at(3);
  }
};

SimW25q::SimW25q(FlashCells cells, const FlashOptions& options)
    : cells_(std::move(cells)), options_(options) {
  OTA_ASSERT(std::has_single_bit(options.size_bytes) && options.size_bytes >= kFlashBytesMin &&
             options.size_bytes <= kFlashBytes);
}

Status SimW25q::transfer(std::span<const flash::SpiFrame> frames) noexcept {
  if (!usable() || frames.empty() || frames.size() > kFramesMax) return Errc::Io;
  ++cells_.stats().transfers;
  pass_bus_time(options_.overhead_ns);
  for (const flash::SpiFrame& frame : frames) {
    const std::size_t size = frame.command.size() + frame.write.size() + frame.read.size();
    if (size == 0 || size > options_.frame_bytes_max) return Errc::Io;
    // A frame executes when chip select rises, after its last bit.
    pass_bus_time(8 * size * kSecond / options_.clock_hz);
    execute(frame);
    if (!usable()) return Errc::Io;
  }
  return Ok{};
}

void SimW25q::pass_bus_time(std::uint64_t nanoseconds) noexcept {
  now_ns_ += nanoseconds;
  cells_.stats().flash_ns += nanoseconds;
  cells_.stats().bus_ns += nanoseconds;
}

void SimW25q::wait(Duration duration) noexcept {
  advance(duration);
  cells_.stats().flash_ns +=
      static_cast<std::uint64_t>(std::max(duration, Duration::zero()).count()) * kMicrosecond;
}

void SimW25q::advance(Duration duration) noexcept {
  now_ns_ +=
      static_cast<std::uint64_t>(std::max(duration, Duration::zero()).count()) * kMicrosecond;
  settle();
}

Instant SimW25q::now() noexcept {
  return Instant(std::chrono::duration_cast<Duration>(std::chrono::nanoseconds(now_ns_)));
}

bool SimW25q::busy() const noexcept {
  return operation_.work != Work::None && (stuck_busy_ || now_ns_ < operation_.ends_ns);
}

std::uint8_t SimW25q::status(std::uint8_t index) const noexcept {
  unsigned value = registers_[index];
  if (index == 0) value |= (busy() ? kBusy : 0U) | (write_enabled_ ? kWriteEnabled : 0U);
  if (index == 1 && suspended_) value |= kSuspended;
  return static_cast<std::uint8_t>(value);
}

/// Whether the part takes a command in its present state. What it drops is noted, if it was more
/// than a question.
bool SimW25q::listens(std::uint8_t opcode, std::uint32_t address) {
  const bool deaf = now_ns_ < listens_from_ns_ || (asleep_ && opcode != 0xAB);
  if (deaf) {
    if (is_write(opcode) || is_data_read(opcode)) {
      violations_.record(Violation::WhileAsleep, address);
    }
    return false;
  }
  if (busy() && !is_status_read(opcode) && opcode != 0x75 && opcode != 0x66 && opcode != 0x99) {
    if (is_write(opcode)) violations_.record(Violation::WriteWhileBusy, address);
    if (is_data_read(opcode)) violations_.record(Violation::ReadWhileBusy, address);
    return false;
  }
  return true;
}

void SimW25q::execute(const flash::SpiFrame& frame) {
  std::fill(frame.read.begin(), frame.read.end(), std::byte{0xFF});  // a line that nobody drives
  settle();
  if (missing_) return;
  const Outgoing out{frame.command, frame.write};
  if (out.size() == 0) return;
  const std::uint8_t opcode = out.at(0);
  if (!listens(opcode, out.address())) return;
  const bool was_reset_enabled = std::exchange(reset_enabled_, opcode == 0x66);
  if (opcode == 0x99 && !was_reset_enabled) return;
  execute_read(opcode, out, frame.read);
  if (is_write(opcode) && now_ns_ < writes_from_ns_) {
    violations_.record(Violation::WhileAsleep, out.address());
  } else {
    execute_write(opcode, out);
  }
  execute_control(opcode);
}

void SimW25q::execute_read(std::uint8_t opcode, const Outgoing& out, MutableBytes in) {
  const auto fill = [&](std::uint8_t value) { std::fill(in.begin(), in.end(), std::byte{value}); };
  switch (opcode) {
    case 0x05:
      return fill(status(0));
    case 0x35:
      return fill(status(1));
    case 0x15:
      return fill(status(2));
    case 0x03:
      return read_array(out, 4, in);
    case 0x0B:
      return read_array(out, 5, in);
    case 0x9F:
      for (std::size_t i = 0; i < in.size(); ++i) in[i] = std::byte{options_.jedec_id[i % 3]};
      return;
    case 0x5A:
      for (std::size_t i = 0; out.size() >= 5 && i < in.size(); ++i) {
        in[i] = std::byte{options_.sfdp[(out.address() + i) % kSfdpBytes]};
      }
      return;
    default:
      return;
  }
}

void SimW25q::read_array(const Outgoing& out, std::size_t header_bytes, MutableBytes in) {
  if (out.size() != header_bytes) return violations_.record(Violation::Malformed, out.address());
  std::uint32_t address = out.address() % options_.size_bytes;
  cells_.stats().bytes_read += in.size();
  MutableBytes left = in;
  while (!left.empty()) {
    const std::size_t size = std::min<std::size_t>(left.size(), options_.size_bytes - address);
    cells_.read(address, left.first(size));
    left = left.subspan(size);
    address = 0;
    if (!left.empty()) violations_.record(Violation::AddressWrap, out.address());
  }
  if (noise_one_in_ == 0) return;
  for (std::byte& byte : in) {
    if (random_.below(noise_one_in_) == 0) byte ^= static_cast<std::byte>(1U << random_.below(8));
  }
}

void SimW25q::execute_write(std::uint8_t opcode, const Outgoing& out) {
  const FlashTimes& times = options_.times;
  switch (opcode) {
    case 0x06:
      write_enabled_ = true;
      return;
    case 0x04:
      write_enabled_ = false;
      return;
    case 0x50:
      volatile_register_write_ = true;
      return;
    case 0x01:
      return begin_register_write(0, out);
    case 0x31:
      return begin_register_write(1, out);
    case 0x11:
      return begin_register_write(2, out);
    case 0xC7:
    case 0x60:
      return begin_erase(0, options_.size_bytes, times.erase_chip_ns);
    case 0x02:
    case 0x20:
    case 0x52:
    case 0xD8:
      break;
    default:
      return;
  }
  if (out.size() < 4) return violations_.record(Violation::Malformed, 0);
  if (opcode == 0x02) return begin_program(out);
  if (opcode == 0x20) return begin_erase(out.address(), kSectorBytes, times.erase_4k_ns);
  if (opcode == 0x52) return begin_erase(out.address(), kBlockBytes / 2, times.erase_32k_ns);
  begin_erase(out.address(), kBlockBytes, times.erase_64k_ns);
}

void SimW25q::execute_control(std::uint8_t opcode) {
  switch (opcode) {
    case 0xB9:
      asleep_ = true;
      return;
    case 0xAB:
      if (asleep_) listens_from_ns_ = now_ns_ + kWakeTime;
      asleep_ = false;
      return;
    case 0x75:
      leave_suspended();
      return;
    case 0x7A:
      if (!suspended_ || busy()) return;
      operation_ = *std::exchange(suspended_, std::nullopt);
      operation_.ends_ns += now_ns_;
      return;
    case 0x99: {
      const PowerCut tear{.tear_seed = random_.next()};
      if (busy()) tear_operation(operation_, tear);
      if (suspended_) tear_operation(*suspended_, tear);
      reset_volatile_state();
      listens_from_ns_ = now_ns_ + kResetTime;
      return;
    }
    default:
      return;
  }
}

bool SimW25q::leave_suspended() {
  settle();
  if (!busy() || suspended_ || operation_.work == Work::WriteRegister) return false;
  suspended_ = std::exchange(operation_, {});
  suspended_->ends_ns -= now_ns_;  // what is left to do
  listens_from_ns_ = now_ns_ + kSuspendTime;
  return true;
}

bool SimW25q::leave_asleep() {
  settle();
  if (!busy()) asleep_ = true;
  return asleep_;
}

bool SimW25q::may_change(std::uint32_t address, std::uint32_t size_bytes) {
  if (!write_enabled_) {
    violations_.record(Violation::WriteWithoutEnable, address);
    return false;
  }
  if (is_protected(address, size_bytes)) {
    violations_.record(Violation::WriteProtected, address);
    write_enabled_ = false;
    return false;
  }
  return true;
}

void SimW25q::begin_program(const Outgoing& out) {
  const std::uint32_t page = out.address() % options_.size_bytes / kPageBytes * kPageBytes;
  if (!may_change(page, kPageBytes)) return;
  const std::size_t data_bytes = out.size() - 4;
  if (data_bytes == 0) return violations_.record(Violation::Malformed, out.address());
  Operation program{.work = Work::Program, .address = page, .size_bytes = kPageBytes, .mask = {}};
  program.mask.fill(std::byte{0xFF});
  std::uint32_t offset = out.address() % kPageBytes;
  if (offset + data_bytes > kPageBytes) violations_.record(Violation::PageWrap, out.address());
  if (out.command.size() == 4 && offset + data_bytes <= kPageBytes) {
    std::copy(out.write.begin(), out.write.end(), program.mask.begin() + offset);
  } else {
    // The latch is one page: of more than 256 bytes the last win.
    for (std::size_t i = 0; i < data_bytes; ++i) {
      program.mask[offset] = std::byte{out.at(4 + i)};
      offset = (offset + 1) % kPageBytes;
    }
  }
  note_overwrites(program);
  ++cells_.stats().programs;
  cells_.stats().bytes_programmed += std::min<std::size_t>(data_bytes, kPageBytes);
  begin(program, options_.times.program_ns);
}

/// Bytes that are not sent are FFh in the mask, which asks nothing of the cell.
void SimW25q::note_overwrites(const Operation& operation) {
  if (cells_.any_unstable(operation.address, kPageBytes)) {
    return violations_.record(Violation::ProgramOverUnstable, operation.address);
  }
  std::array<std::byte, kPageBytes> old;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  cells_.read(operation.address, old);
  if (is_erased(old)) return;
  for (std::uint32_t i = 0; i < kPageBytes; ++i) {
    const std::byte wanted = operation.mask[i];
    if (wanted != std::byte{0xFF} && old[i] != std::byte{0xFF} && old[i] != wanted) {
      violations_.record(Violation::ProgramOverProgrammed, operation.address + i);
      return;
    }
  }
}

void SimW25q::begin_erase(std::uint32_t address, std::uint32_t size_bytes, std::uint64_t time_ns) {
  const std::uint32_t base = address % options_.size_bytes / size_bytes * size_bytes;
  if (!may_change(base, size_bytes)) return;
  FlashStats& stats = cells_.stats();
  if (size_bytes == kSectorBytes) ++stats.erases_4k;
  if (size_bytes == kBlockBytes / 2) ++stats.erases_32k;
  if (size_bytes == kBlockBytes) ++stats.erases_64k;
  for (auto sector = base / kSectorBytes; sector < (base + size_bytes) / kSectorBytes; ++sector) {
    ++stats.wear[sector];
  }
  begin({.work = Work::Erase, .address = base, .size_bytes = size_bytes, .mask = {}}, time_ns);
}

void SimW25q::begin_register_write(std::uint8_t index, const Outgoing& out) {
  const bool for_now_only = std::exchange(volatile_register_write_, false);
  if (out.size() < 2) return violations_.record(Violation::Malformed, index);
  if (!for_now_only && !write_enabled_) {
    return violations_.record(Violation::WriteWithoutEnable, index);
  }
  const std::uint8_t value = out.at(1) & kWritableBits[index];
  if (registers_locked_) {
    write_enabled_ = false;
  } else if (for_now_only) {
    registers_[index] = value;
  } else {
    begin(
        {.work = Work::WriteRegister, .register_index = index, .register_value = value, .mask = {}},
        options_.times.status_write_ns);
  }
}

void SimW25q::begin(const Operation& operation, std::uint64_t time_ns) {
  operation_ = operation;
  operation_.ends_ns = now_ns_ + time_ns;
  if (operation.work == Work::WriteRegister) return;
  ++cells_.stats().operations;
  note_in_trace(operation);
  const bool cut_here = cut_ && cut_->at_operation == 0;
  if (cut_here && !cut_->host_only) {
    tear_operation(operation_, *cut_);
    lose_power();
  } else if (cut_here) {
    cut_.reset();
    stop_host();
  } else if (cut_) {
    --cut_->at_operation;
  }
}

void SimW25q::note_in_trace(const Operation& operation) noexcept {
  const auto mix = [&](std::uint64_t word) {
    trace_ = (trace_ ^ word) * 0x9E3779B97F4A7C15ULL;
    trace_ ^= trace_ >> 32U;
  };
  mix(static_cast<std::uint64_t>(operation.work) << 56U | std::uint64_t{operation.address} << 28U |
      operation.size_bytes);
  if (operation.work != Work::Program) return;
  for (std::size_t at = 0; at < operation.mask.size(); at += 8) {
    mix(load_le64(operation.mask.data() + at));
  }
}

void SimW25q::settle() {
  if (operation_.work != Work::None && !busy()) finish_operation();
}

void SimW25q::finish_operation() {
  Operation& done = operation_;
  write_enabled_ = false;
  if (done.work == Work::WriteRegister) {
    unsigned value = done.register_value;
    if (done.register_index == 1) value |= registers_[1] & kOneTimeLocks;
    registers_[done.register_index] = permanent_registers_[done.register_index] =
        static_cast<std::uint8_t>(value);
  } else if (is_broken(done.address, done.size_bytes)) {
    tear_operation(done, {.tear_seed = random_.next(),
                          .program = ProgramTear::AlmostDone,
                          .erase = EraseTear::AlmostDone});
  } else if (done.work == Work::Program) {
    cells_.clear_bits(done.address, done.mask);
  } else {
    cells_.erase(done.address, done.size_bytes);
  }
  done.work = Work::None;
}

void SimW25q::tear_operation(Operation& operation, const PowerCut& cut) {
  SplitMix64 random(cut.tear_seed);
  if (operation.work == Work::Program) {
    const auto drawn = static_cast<ProgramTear>(random.below(kProgramTearCount));
    tear_program(cells_, operation.address, operation.mask, cut.program.value_or(drawn), random);
  } else if (operation.work == Work::Erase) {
    const auto drawn = static_cast<EraseTear>(random.below(kEraseTearCount));
    tear_erase(cells_, operation.address, operation.size_bytes, cut.erase.value_or(drawn), random);
  }
  operation.work = Work::None;
}

bool SimW25q::is_broken(std::uint32_t address, std::uint32_t size_bytes) const noexcept {
  return std::any_of(broken_sectors_.begin(), broken_sectors_.end(), [&](std::uint32_t sector) {
    const std::uint32_t at = sector * kSectorBytes;
    return at < address + size_bytes && address < at + kSectorBytes;
  });
}

/// @source datasheet, "Status Register Memory Protection"
bool SimW25q::is_protected(std::uint32_t address, std::uint32_t size_bytes) const noexcept {
  const bool complement = (registers_[1] & 0x40U) != 0;
  const bool from_bottom = (registers_[0] & 0x20U) != 0;
  const bool small_units = (registers_[0] & 0x40U) != 0;
  const unsigned level = (registers_[0] >> 2U) & 7U;
  if ((registers_[2] & 0x04U) != 0) return true;  // WPS: all blocks are locked after power-up
  std::uint32_t covered = 0;
  if (level == 7) {
    covered = options_.size_bytes;
  } else if (level != 0 && small_units) {
    covered = kSectorBytes << (std::min(level, 4U) - 1);
  } else if (level != 0) {
    covered = (256U * 1024U) << (level - 1);
  }
  covered = std::min(covered, options_.size_bytes);
  const std::uint32_t begin = from_bottom ? 0 : options_.size_bytes - covered;
  const std::uint32_t end = begin + covered;
  const bool touches = address < end && begin < address + size_bytes;
  const bool inside = begin <= address && address + size_bytes <= end;
  return complement ? !inside || covered == 0 : touches;
}

void SimW25q::reset_volatile_state() noexcept {
  operation_ = {};
  suspended_.reset();
  write_enabled_ = volatile_register_write_ = reset_enabled_ = asleep_ = false;
  registers_ = permanent_registers_;
}

void SimW25q::schedule(const PowerCut& cut) noexcept { cut_ = cut; }

void SimW25q::cut_power(std::uint64_t tear_seed) {
  settle();
  const PowerCut cut{.tear_seed = tear_seed};
  tear_operation(operation_, cut);
  if (suspended_) tear_operation(*suspended_, cut);
  lose_power();
}

void SimW25q::lose_power() {
  powered_ = false;
  cut_.reset();
  reset_volatile_state();
}

void SimW25q::power_up() {
  if (powered_) cut_power(random_.next());
  powered_ = host_alive_ = true;
  listens_from_ns_ = now_ns_ + kListenAfterPowerUp;
  writes_from_ns_ = now_ns_ + kWriteAfterPowerUp;
}

void SimW25q::set_read_noise(std::uint32_t one_in, std::uint64_t seed) noexcept {
  noise_one_in_ = one_in;
  random_ = SplitMix64(seed);
}

void SimW25q::set_status_registers(const std::array<std::uint8_t, 3>& values) noexcept {
  registers_ = permanent_registers_ = values;
}

}  // namespace ota::sim
