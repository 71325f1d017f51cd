#pragma once

#include <array>
#include <cstdint>

#include "device/core/flash/nor_flash.hpp"
#include "device/core/flash/sfdp.hpp"
#include "device/core/flash/spi_bus.hpp"

namespace ota::flash {

/// Three bytes of command 9Fh: maker, type, capacity.
using JedecId = std::array<std::byte, 3>;

/// Driver for W25Q-class SPI NOR flash (Winbond W25Q, GigaDevice GD25Q and others with the same
/// commands): 25-series opcodes, 3-byte addresses, sizes and time limits from the part's SFDP. Of
/// parts above 16 MiB it uses the first 16 MiB.
///
/// These parts have no failure bit: the signs of a failed operation are BUSY that stays, and a
/// wrong read-back. Commands sent while BUSY are dropped silently; so after a time-out the driver
/// issues nothing until the part is seen idle.
/// @source W25Q128JV datasheet; JESD216B
class W25q final : public NorFlash {
 public:
  explicit W25q(SpiBus& bus) noexcept : bus_(bus) {}

  Geometry geometry() const noexcept override;
  JedecId jedec_id() const noexcept { return id_; }
  const FlashParameters& parameters() const noexcept { return part_; }

 private:
  Status do_start() noexcept override;
  Status do_read(std::uint32_t address, MutableBytes out) noexcept override;
  Status do_program(std::uint32_t address, Bytes data) noexcept override;
  Status do_erase_unit(std::uint32_t address, std::uint32_t unit_bytes) noexcept override;

  Status command(std::uint8_t opcode) noexcept;
  Status query(Bytes command, MutableBytes answer) noexcept;
  Result<std::uint8_t> status_register(std::uint8_t opcode) noexcept;
  Status send_enabled(Bytes command, Bytes data) noexcept;
  /// @param in_one_piece  how long the part is surely busy: it is not asked before
  Status wait_idle(Duration limit, Duration interval,
                   Duration in_one_piece = Duration::zero()) noexcept;
  Status require_idle() noexcept;
  Status require_same_part(Bytes read) noexcept;

  Status leave_earlier_work() noexcept;
  Status require_answer() noexcept;
  Status reset() noexcept;
  Status identify() noexcept;
  Status discover() noexcept;
  Status clear_protection() noexcept;

  SpiBus& bus_;
  FlashParameters part_{};
  JedecId id_{};
  Duration program_time_{};   // what page programs took lately; zero: not known yet
  bool may_be_busy_ = false;  // an operation timed out and has not been seen to end
};

}  // namespace ota::flash
