#pragma once

// What Volume and File keep in their opaque storage.

#include <lfs.h>

#include <array>
#include <cstddef>

#include "device/core/flash/nor_flash.hpp"
#include "device/core/store/block_set.hpp"
#include "device/core/store/file.hpp"
#include "device/core/store/journal.hpp"
#include "device/core/store/volume.hpp"

namespace ota::store::internal {

inline constexpr lfs_size_t kReadBytes = 16;
// A whole page: the checksum that littlefs keeps of the erased bytes behind a commit then covers
// all that a torn program can have touched (littlefs DESIGN.md and SPEC.md, FCRC). With smaller
// values it programs over torn pages.
inline constexpr lfs_size_t kProgramBytes = 256;
inline constexpr lfs_size_t kLookaheadBytes = 32;  // 256 blocks: the whole part
inline constexpr lfs_size_t kMetadataBytesMax = 8192;
inline constexpr std::int32_t kBlockCycles = 500;
// Up to this size a file lives in the metadata log, and costs no erase: the journal, and no image.
inline constexpr lfs_size_t kInlineBytesMax = kJournalBytesMax;
inline constexpr lfs_size_t kBlocksMin = 4;
inline constexpr lfs_size_t kNameBytesMax = 9;  // "candidate"

struct VolumeState {
  flash::NorFlash* flash = nullptr;
  Errc flash_error = Errc::Io;  // why the last callback failed: littlefs only knows "I/O error"
  BlockSet erased;              // ahead, since the last mount, and not touched since
  lfs_t lfs{};
  lfs_config config{};
  alignas(8) std::array<std::byte, kCacheBytes> read_cache{};
  alignas(8) std::array<std::byte, kCacheBytes> program_cache{};
  alignas(8) std::array<std::byte, kLookaheadBytes> lookahead{};

  Errc errc_of(int error) const noexcept;
  Status status_of(int error) const noexcept {
    if (error < 0) return errc_of(error);
    return Ok{};
  }
  /// Of a call that names no file: what is "not found" then is missing inside the file system.
  Errc damage_of(int error) const noexcept {
    const Errc errc = errc_of(error);
    return errc == Errc::NotFound ? Errc::Corrupt : errc;
  }
};

struct FileState {
  lfs_file_t file{};
  lfs_file_config config{};
  lfs_attr attribute{};
  std::array<std::byte, kAttributeBytes> attribute_bytes{};
  alignas(8) std::array<std::byte, kCacheBytes> cache{};
};

}  // namespace ota::store::internal
