#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "device/core/store/volume.hpp"

namespace ota::store {

/// The custom attribute of images ('I'); committed together with the size of its file.
inline constexpr std::uint8_t kAttributeType = 0x49;
inline constexpr std::size_t kAttributeBytes = 160;

/// One open file. Must outlive its use by the volume: close or forget it before it ends.
class File {
 public:
  enum class Mode : std::uint8_t {
    Read,
    Append,   // creates the file if there is none
    Replace,  // the old content stays until close() has succeeded
  };

  File() noexcept;
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  Status open(Volume& volume, const char* name, Mode mode) noexcept;
  /// As open, with an attribute that each sync writes together with the size.
  Status open_with_attribute(Volume& volume, const char* name, Mode mode, Bytes attribute) noexcept;
  /// Takes effect with the next sync of new data.
  void set_attribute(Bytes attribute) noexcept;

  bool is_open() const noexcept { return volume_ != nullptr; }
  Result<std::uint32_t> size() noexcept;
  Status seek(std::uint32_t offset) noexcept;
  Result<std::size_t> read(MutableBytes out) noexcept;

  /// A failed write or sync ends the file: littlefs would ignore it from then on, and report
  /// success. It is closed, and what the last sync committed is what is there.
  Status write(Bytes bytes) noexcept;
  Status sync() noexcept;
  Status close() noexcept;

  /// Closes without touching the flash, where the volume is gone or about to be mounted anew.
  void forget() noexcept { volume_ = nullptr; }

 private:
  internal::FileState& state() noexcept;
  Status end_after(int error) noexcept;

  static constexpr std::size_t kStateBytes = 1344;
  alignas(8) std::array<std::byte, kStateBytes> storage_;
  Volume* volume_ = nullptr;
};

}  // namespace ota::store
