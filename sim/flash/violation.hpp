#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace ota::sim {

/// Misuse that a real part swallows in silence. A test asserts that there was none.
enum class Violation : std::uint8_t {
  WriteWhileBusy,         // a write command that the part dropped, being busy
  ReadWhileBusy,          // read FFh instead of data
  WriteWithoutEnable,     // program or erase without WEL: dropped
  WriteProtected,         // program or erase of a protected range: dropped
  ProgramOverProgrammed,  // a byte that is neither erased nor already has the wanted value
  ProgramOverUnstable,    // a page with cells that an interrupted erase left unstable
  PageWrap,               // data ran over the page end and went to its beginning
  AddressWrap,            // a read ran over the end of the part
  WhileAsleep,            // a command during power-down, reset or power-up: dropped
  Malformed,              // a frame too short for its command
};
inline constexpr std::uint8_t kViolationCount = 10;

const char* to_text(Violation violation) noexcept;

class Violations {
 public:
  void record(Violation violation, std::uint32_t address) noexcept;
  std::uint32_t count(Violation violation) const noexcept {
    return counts_[static_cast<std::uint8_t>(violation)];
  }
  std::uint32_t total() const noexcept;

  /// "none", or each kind with its number and the address of the first.
  std::string describe() const;

 private:
  std::array<std::uint32_t, kViolationCount> counts_{};
  std::array<std::uint32_t, kViolationCount> first_address_{};
};

}  // namespace ota::sim
