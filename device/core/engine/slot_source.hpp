#pragma once

#include "device/core/mcu/programmer.hpp"
#include "device/core/store/store.hpp"

namespace ota::engine {

/// Reads an image for the programmer, and tells a failing flash from a failing MCU.
///
/// The bytes are hashed once more on their way: a part that falls off the bus reads as FFh without
/// any error. The piece that completes the image is only handed over if the hash is right, so a
/// wrong image never reaches the MCU whole. Reading a piece again is fine; skipping ahead gives up
/// the check.
class SlotSource final : public mcu::ImageSource {
 public:
  SlotSource(store::Store& store, store::Slot slot, const store::ImageIdentity& identity) noexcept
      : store_(store), slot_(slot), identity_(identity) {}

  Result<std::size_t> read(std::uint32_t offset, MutableBytes out) noexcept override {
    const auto count = store_.read(slot_, offset, out);
    if (!count) return fail(count.error());
    const auto end = offset + static_cast<std::uint32_t>(*count);
    if (offset > hashed_bytes_ || end <= hashed_bytes_) return *count;
    hash_.update(Bytes(out).first(*count).subspan(hashed_bytes_ - offset));
    hashed_bytes_ = end;
    const bool whole = hashed_bytes_ == identity_.size_bytes;
    if (whole && hash_.finish() != identity_.sha256) return fail(Errc::Corrupt);
    return *count;
  }
  bool flash_failed() const noexcept { return flash_failed_; }

 private:
  Errc fail(Errc error) noexcept {
    flash_failed_ = true;
    return error;
  }

  store::Store& store_;
  store::Slot slot_;
  store::ImageIdentity identity_;
  Sha256 hash_;
  std::uint32_t hashed_bytes_ = 0;
  bool flash_failed_ = false;
};

}  // namespace ota::engine
