#pragma once

#include "device/core/mcu/programmer.hpp"
#include "device/core/store/store.hpp"

namespace ota::engine {

/// Reads an image for the programmer, and tells a failing flash from a failing MCU.
class SlotSource final : public mcu::ImageSource {
 public:
  SlotSource(store::Store& store, store::Slot slot) noexcept : store_(store), slot_(slot) {}

  Result<std::size_t> read(std::uint32_t offset, MutableBytes out) noexcept override {
    auto count = store_.read(slot_, offset, out);
    if (!count) flash_failed_ = true;
    return count;
  }
  bool flash_failed() const noexcept { return flash_failed_; }

 private:
  store::Store& store_;
  store::Slot slot_;
  bool flash_failed_ = false;
};

}  // namespace ota::engine
