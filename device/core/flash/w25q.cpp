#include "device/core/flash/w25q.hpp"

#include <algorithm>

namespace ota::flash {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

namespace op {
constexpr std::uint8_t kWriteStatus1 = 0x01;
constexpr std::uint8_t kPageProgram = 0x02;
constexpr std::uint8_t kRead = 0x03;
constexpr std::uint8_t kReadStatus1 = 0x05;
constexpr std::uint8_t kWriteEnable = 0x06;
constexpr std::uint8_t kWriteStatus3 = 0x11;
constexpr std::uint8_t kReadStatus3 = 0x15;
constexpr std::uint8_t kWriteStatus2 = 0x31;
constexpr std::uint8_t kReadStatus2 = 0x35;
constexpr std::uint8_t kReadSfdp = 0x5A;
constexpr std::uint8_t kEnableReset = 0x66;
constexpr std::uint8_t kReset = 0x99;
constexpr std::uint8_t kJedecId = 0x9F;
constexpr std::uint8_t kReleasePowerDown = 0xAB;
constexpr std::uint8_t kResume = 0x7A;
}  // namespace op

constexpr std::uint8_t kBusy = 0x01;             // SR1
constexpr std::uint8_t kProtectBlocks = 0x1C;    // SR1: BP2..BP0
constexpr std::uint8_t kProtectRange = 0x7C;     // SR1: SEC, TB, BP2..BP0
constexpr std::uint8_t kComplement = 0x40;       // SR2: CMP
constexpr std::uint8_t kSuspended = 0x80;        // SR2: SUS
constexpr std::uint8_t kIndividualLocks = 0x04;  // SR3: WPS

constexpr std::uint32_t kAddressableBytes = 16U * 1024U * 1024U;  // three address bytes
constexpr std::size_t kCommandBytes = 4;                          // opcode and address

// Intervals of the busy poll: short beside the operation, long beside the transfer that asks.
constexpr Duration kProgramPoll = microseconds(10);
constexpr Duration kErasePoll = milliseconds(1);
// Before SFDP is read: the longest erase that earlier software may have left running (a chip erase
// is not waited for).
constexpr Duration kEarlierWorkLimit = milliseconds(3000);
constexpr Duration kAnswerLimit =
    milliseconds(5);  // tPUW: the part takes writes 5 ms after power-up
constexpr Duration kReleaseTime = microseconds(10);  // tRES1 is 3 us
constexpr Duration kResetTime = microseconds(100);   // tRST is 30 us

constexpr std::array<std::byte, kCommandBytes> with_address(std::uint8_t opcode,
                                                            std::uint32_t address) noexcept {
  return {std::byte{opcode}, static_cast<std::byte>((address >> 16U) & 0xFFU),
          static_cast<std::byte>((address >> 8U) & 0xFFU), static_cast<std::byte>(address & 0xFFU)};
}

/// They are all alike if each is like the one before it; std::equal compares them in words.
bool all_equal(Bytes bytes, std::byte value) noexcept {
  return bytes.front() == value && std::equal(bytes.begin() + 1, bytes.end(), bytes.begin());
}

}  // namespace

Geometry W25q::geometry() const noexcept {
  Geometry geometry;
  geometry.size_bytes = part_.size_bytes;
  geometry.page_bytes = part_.page_bytes;
  for (std::size_t i = 0; i < part_.erase.size(); ++i) {
    geometry.erase_bytes[i] = part_.erase[i].size_bytes;
  }
  return geometry;
}

Status W25q::command(std::uint8_t opcode) noexcept {
  const std::array bytes = {std::byte{opcode}};
  return query(bytes, {});
}

Status W25q::query(Bytes command, MutableBytes answer) noexcept {
  const std::array frames = {SpiFrame{.command = command, .write = {}, .read = answer}};
  return bus_.transfer(frames);
}

Result<std::uint8_t> W25q::status_register(std::uint8_t opcode) noexcept {
  const std::array command = {std::byte{opcode}};
  std::array<std::byte, 1> answer{};
  OTA_TRY(query(command, answer));
  return std::to_integer<std::uint8_t>(answer[0]);
}

Status W25q::wait_idle(Duration limit, Duration interval, Duration in_one_piece) noexcept {
  const Instant begin = bus_.now();
  may_be_busy_ = true;
  if (in_one_piece > Duration::zero()) bus_.wait(in_one_piece);
  while (true) {
    // Time is read before the register: a host that slept past the limit still takes one honest
    // look.
    const bool late = bus_.now() - begin > limit;
    OTA_TRY(const std::uint8_t status, status_register(op::kReadStatus1));
    if ((status & kBusy) == 0) break;
    if (late) return Errc::Timeout;
    bus_.wait(interval);
  }
  may_be_busy_ = false;
  return Ok{};
}

Status W25q::require_idle() noexcept {
  if (part_.size_bytes == 0) return Errc::NoDevice;
  if (!may_be_busy_) return Ok{};
  OTA_TRY(const std::uint8_t status, status_register(op::kReadStatus1));
  if ((status & kBusy) != 0) return Errc::Busy;
  may_be_busy_ = false;
  return Ok{};
}

Status W25q::send_enabled(Bytes command, Bytes data) noexcept {
  constexpr std::array kEnable = {std::byte{op::kWriteEnable}};
  const std::array frames = {SpiFrame{.command = kEnable},
                             SpiFrame{.command = command, .write = data, .read = {}}};
  may_be_busy_ = true;  // also when the bus fails: the part may have taken the command
  return bus_.transfer(frames);
}

Status W25q::do_read(std::uint32_t address, MutableBytes out) noexcept {
  OTA_TRY(require_idle());
  while (!out.empty()) {
    const std::size_t size = std::min(out.size(), bus_.frame_bytes_max() - kCommandBytes);
    const Status done = query(with_address(op::kRead, address), out.first(size));
    // A bus that has just learnt a smaller limit is asked again with shorter frames.
    if (!done && done.error() == Errc::OutOfRange &&
        size > bus_.frame_bytes_max() - kCommandBytes) {
      continue;
    }
    OTA_TRY(done);
    OTA_TRY(require_same_part(out.first(size)));
    out = out.subspan(size);
    address += static_cast<std::uint32_t>(size);
  }
  return Ok{};
}

/// A line that nobody drives reads as a blank part, without an error. So where all bytes are alike,
/// the part is asked who it is: data that only seem to be gone must not be taken for gone.
Status W25q::require_same_part(Bytes read) noexcept {
  const std::byte first = read.front();
  if (first != std::byte{0xFF} && first != std::byte{0x00}) return Ok{};
  if (read.back() != first || !all_equal(read, first)) return Ok{};
  constexpr std::array kCommand = {std::byte{op::kJedecId}};
  JedecId now{};
  OTA_TRY(query(kCommand, now));
  return now == id_ ? Status(Ok{}) : Status(Errc::NoDevice);
}

Status W25q::do_program(std::uint32_t address, Bytes data) noexcept {
  OTA_TRY(require_idle());
  if (all_equal(data, std::byte{0xFF}))
    return Ok{};  // FFh clears nothing, so it needs no operation.
  OTA_TRY(send_enabled(with_address(op::kPageProgram, address), data));
  const Instant begin = bus_.now();
  OTA_TRY(wait_idle(part_.program_limit, kProgramPoll, program_time_ - program_time_ / 16));
  // Follows slowly: one slow page shall not make the next ones wait.
  const Duration took = bus_.now() - begin;
  program_time_ = program_time_ == Duration::zero()
                      ? took
                      : std::clamp(took, program_time_ * 7 / 8, program_time_ * 9 / 8);
  return Ok{};
}

Status W25q::do_erase_unit(std::uint32_t address, std::uint32_t unit_bytes) noexcept {
  OTA_TRY(require_idle());
  for (const EraseType& type : part_.erase) {
    if (type.size_bytes == unit_bytes) {
      OTA_TRY(send_enabled(with_address(type.opcode, address), {}));
      return wait_idle(type.limit, kErasePoll);
    }
  }
  return Errc::Misaligned;
}

Status W25q::do_start() noexcept {
  part_ = {};
  program_time_ = {};
  bus_.wait(kAnswerLimit);
  OTA_TRY(command(op::kReleasePowerDown));
  bus_.wait(kReleaseTime);
  // Ends a continuous-read mode that earlier software may have left; means nothing otherwise.
  constexpr std::array kAllOnes = {std::byte{0xFF}, std::byte{0xFF}, std::byte{0xFF}};
  OTA_TRY(query(kAllOnes, {}));
  OTA_TRY(require_answer());
  OTA_TRY(leave_earlier_work());
  OTA_TRY(reset());
  OTA_TRY(identify());
  const Status discovered = discover();
  if (!discovered) {
    part_ = {};
    return discovered.error();
  }
  const Status writable = clear_protection();
  if (!writable) part_ = {};
  return writable;
}

/// A line held high reads as BUSY for ever; an absent part shall not cost the time of a whole
/// erase. No part has all bits of all three registers set: SR3 has reserved ones.
Status W25q::require_answer() noexcept {
  const Instant begin = bus_.now();
  while (true) {
    const bool late = bus_.now() - begin > kAnswerLimit;
    OTA_TRY(const std::uint8_t status1, status_register(op::kReadStatus1));
    OTA_TRY(const std::uint8_t status3, status_register(op::kReadStatus3));
    if (status1 != 0xFF || status3 != 0xFF) return Ok{};
    if (late) return Errc::NoDevice;
    bus_.wait(kErasePoll);
  }
}

/// The host may have restarted alone, in the middle of an erase or with one suspended. A reset now
/// would tear it.
Status W25q::leave_earlier_work() noexcept {
  OTA_TRY(wait_idle(kEarlierWorkLimit, kErasePoll));
  OTA_TRY(const std::uint8_t status2, status_register(op::kReadStatus2));
  if ((status2 & kSuspended) == 0 || status2 == 0xFF) return Ok{};
  OTA_TRY(command(op::kResume));
  return wait_idle(kEarlierWorkLimit, kErasePoll);
}

Status W25q::reset() noexcept {
  constexpr std::array kEnable = {std::byte{op::kEnableReset}};
  constexpr std::array kReset = {std::byte{op::kReset}};
  // One call, so that nothing comes between the two frames: any other command would cancel the
  // reset.
  const std::array frames = {SpiFrame{.command = kEnable}, SpiFrame{.command = kReset}};
  OTA_TRY(bus_.transfer(frames));
  bus_.wait(kResetTime);
  // A reset wakes some parts with a BUSY of their own.
  return wait_idle(kEarlierWorkLimit, kProgramPoll);
}

Status W25q::identify() noexcept {
  constexpr std::array kCommand = {std::byte{op::kJedecId}};
  JedecId second{};
  OTA_TRY(query(kCommand, id_));
  OTA_TRY(query(kCommand, second));
  if (id_ != second) return Errc::NoDevice;  // noise on the line
  if (all_equal(id_, std::byte{0x00}) || all_equal(id_, std::byte{0xFF})) return Errc::NoDevice;
  return Ok{};
}

Status W25q::discover() noexcept {
  const auto read_sfdp = [&](std::uint32_t address, MutableBytes out) noexcept -> Status {
    std::array<std::byte, kCommandBytes + 1> command{};  // the last byte is a dummy
    std::copy_n(with_address(op::kReadSfdp, address).begin(), kCommandBytes, command.begin());
    return query(command, out);
  };
  std::array<std::byte, kSfdpHeaderBytes> header{};
  OTA_TRY(read_sfdp(0, header));
  if (const auto place = find_basic_table(header)) {
    std::array<std::byte, kSfdpTableBytesMax> table{};
    const MutableBytes used = std::span(table).first(place->size_bytes);
    OTA_TRY(read_sfdp(place->address, used));
    if (const auto parameters = parse_basic_table(used)) part_ = *parameters;
  }
  if (part_.size_bytes == 0) {
    // Parts older than SFDP: the third id byte is the size as a power of two.
    const auto exponent = std::to_integer<unsigned>(id_[2]);
    if (exponent < 16 || exponent > 24) return Errc::NoDevice;
    part_ = conservative_parameters(1U << exponent);
  }
  part_.size_bytes = std::min(part_.size_bytes, kAddressableBytes);
  return Ok{};
}

/// A protected part ignores programs and erases without a sign. Only registers that need it are
/// written: a power cut during such a write can leave them undefined. SR2 keeps its one-time lock
/// bits as they are.
Status W25q::clear_protection() noexcept {
  struct Register {
    std::uint8_t read;
    std::uint8_t write;
    std::uint8_t protects;
    std::uint8_t clear;
  };
  constexpr std::array kRegisters = {
      Register{op::kReadStatus1, op::kWriteStatus1, kProtectBlocks, kProtectRange},
      Register{op::kReadStatus2, op::kWriteStatus2, kComplement, kComplement},
      Register{op::kReadStatus3, op::kWriteStatus3, kIndividualLocks, kIndividualLocks}};
  for (const Register& reg : kRegisters) {
    OTA_TRY(const std::uint8_t value, status_register(reg.read));
    if ((value & reg.protects) == 0) continue;
    const std::array command = {std::byte{reg.write},
                                static_cast<std::byte>(value & ~reg.clear & ~kBusy)};
    OTA_TRY(send_enabled(command, {}));
    OTA_TRY(wait_idle(part_.status_write_limit, kErasePoll));
    OTA_TRY(const std::uint8_t after, status_register(reg.read));
    if ((after & reg.protects) != 0) return Errc::Protected;
  }
  return Ok{};
}

}  // namespace ota::flash
