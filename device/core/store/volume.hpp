#pragma once

// littlefs on a NOR flash. The C library stays behind this header and file.hpp: its types are kept
// in opaque storage, so that users of the store need neither its headers nor a heap.

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "device/core/flash/nor_flash.hpp"

namespace ota::store {

inline constexpr std::uint32_t kBlockBytes = 65536;
inline constexpr std::uint32_t kCacheBytes = 1024;

namespace internal {
struct VolumeState;
struct FileState;
}  // namespace internal

class Volume {
 public:
  explicit Volume(flash::NorFlash& flash) noexcept;
  Volume(const Volume&) = delete;
  Volume& operator=(const Volume&) = delete;

  /// Mounts; the part must be started. Open files are forgotten, what they had not synced is lost.
  ///
  /// @errors Corrupt: no file system that this program can use. NoDevice: blocks of 64 KiB cannot
  /// be erased, or the part is
  ///   too small. Else what the flash says.
  Status mount() noexcept;

  /// Makes an empty file system; all files are gone. Does not mount it.
  ///
  /// @power_cut never_formatted() or mount() will tell
  Status format() noexcept;

  bool mounted() const noexcept { return mounted_; }

  /// Whether this part never held a file system: it is blank, but for what a power cut in the very
  /// first format may have left. A format writes one of the two superblocks, and touches the other
  /// only when the first is valid; so two written superblocks without a valid one, or any data
  /// behind them, are damage.
  Result<bool> never_formatted() noexcept;

  /// @errors NotFound
  Result<std::uint32_t> size_of(const char* name) noexcept;
  /// Reads the custom attribute of a file. @returns its bytes, at most out.size(). @errors NotFound
  Result<std::size_t> attribute(const char* name, MutableBytes out) noexcept;
  /// Fine if there is no such file. @power_cut there or gone
  Status remove(const char* name) noexcept;
  /// Replaces `to`. @power_cut before or after, never without either
  Status rename(const char* from, const char* to) noexcept;

  /// Erases one free block, so that the file that comes to it need not wait. That a block is erased
  /// is known only until the next mount: one whose erase was interrupted may read blank and still
  /// be unfit, so after a restart no block is trusted. No file may be open for writing.
  /// @returns false: all free blocks are erased
  Result<bool> erase_ahead() noexcept;

  std::uint32_t block_count() const noexcept;
  Result<std::uint32_t> blocks_used() noexcept;

 private:
  friend class File;
  internal::VolumeState& state() noexcept;
  const internal::VolumeState& state() const noexcept;

  static constexpr std::size_t kStateBytes = 2528;
  alignas(8) std::array<std::byte, kStateBytes> storage_;
  bool mounted_ = false;
};

}  // namespace ota::store
