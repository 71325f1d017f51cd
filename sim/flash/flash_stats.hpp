#pragma once

#include <array>
#include <cstdint>

#include "sim/flash/w25q128.hpp"

namespace ota::sim {

/// What a simulated part has done in its life. Plain data: a flash kept in a file has it mapped
/// beside it.
struct FlashStats {
  std::uint64_t flash_ns = 0;    // virtual time spent on the bus and waiting for the part
  std::uint64_t bus_ns = 0;      // of it, transfers
  std::uint64_t operations = 0;  // programs and erases that the part accepted
  std::uint64_t programs = 0;
  std::uint64_t erases_4k = 0;
  std::uint64_t erases_32k = 0;
  std::uint64_t erases_64k = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_programmed = 0;
  std::uint64_t transfers = 0;
  std::array<std::uint32_t, kSectorCount> wear{};  // erases of each 4 KiB sector

  double flash_seconds() const noexcept {
    return static_cast<double>(flash_ns) / static_cast<double>(kSecond);
  }
};

}  // namespace ota::sim
