#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace ota::flash {

/// Sizes of a NOR flash, all powers of two. Erased bytes read FFh.
struct Geometry {
  std::uint32_t size_bytes = 0;
  std::uint32_t page_bytes = 0;
  /// What one erase command clears, smallest first; 0: unused entry.
  std::array<std::uint32_t, 4> erase_bytes{};

  constexpr std::uint32_t erase_bytes_min() const noexcept { return erase_bytes[0]; }
};

/// A NOR flash as its users see it. Calls block until the part is idle again, so what has returned
/// is durable. The public calls check bounds; driver and test doubles cannot disagree about them.
class NorFlash {
 public:
  /// Brings the part into a known state after power-up or a restart of the host alone; may be
  /// repeated at any time.
  ///
  /// @errors NoDevice: nothing answers, or not a supported part. Timeout: it stays busy. Protected:
  /// it refuses writes.
  Status start() noexcept { return do_start(); }

  /// Reads any range inside the part.
  ///
  /// @errors OutOfRange. Io. Busy: an operation that timed out still runs.
  Status read(std::uint32_t address, MutableBytes out) noexcept;

  /// Clears bits inside one page; bits already 0 stay 0. Nothing verifies the result: littlefs
  /// reads back all it programs.
  ///
  /// @param address  byte address, any alignment
  /// @param data     1 .. page_bytes bytes that do not cross a page end
  /// @errors Misaligned: crosses a page end. OutOfRange. Timeout: busy longer than the part's own
  /// maximum. Io.
  /// @power_cut any subset of the addressed bits may have been cleared
  Status program(std::uint32_t address, Bytes data) noexcept;

  /// Sets whole erase units to FFh, with as few commands as the part offers.
  ///
  /// @errors Misaligned: not a multiple of the smallest erase unit. OutOfRange. Timeout. Io.
  /// @power_cut the range may hold anything and must be erased again before use, even where it
  /// reads FFh
  Status erase(std::uint32_t address, std::uint32_t size_bytes) noexcept;

  /// Valid after start(); all zero before.
  virtual Geometry geometry() const noexcept = 0;

 protected:
  ~NorFlash() = default;  // used by reference, never owned

 private:
  virtual Status do_start() noexcept = 0;
  virtual Status do_read(std::uint32_t address, MutableBytes out) noexcept = 0;
  virtual Status do_program(std::uint32_t address, Bytes data) noexcept = 0;
  virtual Status do_erase_unit(std::uint32_t address, std::uint32_t unit_bytes) noexcept = 0;
};

}  // namespace ota::flash
