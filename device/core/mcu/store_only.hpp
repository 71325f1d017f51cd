#pragma once

#include "device/core/mcu/programmer.hpp"

namespace ota::mcu {

/// No MCU: the verified image on the flash is the result, and something else fetches it from there.
class StoreOnlyProgrammer final : public Programmer {
 public:
  bool has_mcu() const noexcept override { return false; }
  Status program(const ImageInfo&, ImageSource&) noexcept override { return Ok{}; }
  Result<VersionText> running_version() noexcept override { return Errc::NoDevice; }
};

}  // namespace ota::mcu
