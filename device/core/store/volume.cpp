#include "device/core/store/volume.hpp"

#include <algorithm>
#include <new>

#include "base/crc32.hpp"
#include "device/core/store/internal/lfs_state.hpp"

/// littlefs neither inverts the sum before nor after.
std::uint32_t ota_lfs_crc(std::uint32_t crc, const void* buffer, std::size_t size) {
  return ~ota::crc32({static_cast<const std::byte*>(buffer), size}, ~crc);
}

namespace ota::store {

using internal::VolumeState;

namespace {

VolumeState& state_of(const lfs_config* config) noexcept {
  return *static_cast<VolumeState*>(config->context);
}

std::uint32_t address_of(lfs_block_t block, lfs_off_t offset) noexcept {
  return block * kBlockBytes + offset;
}

/// What littlefs is told: "corrupt" makes it move to another block, anything else fails the call.
int lfs_error_of(VolumeState& state, Errc error) noexcept {
  if (error == Errc::Corrupt) return LFS_ERR_CORRUPT;
  state.flash_error = error;
  return LFS_ERR_IO;
}

int on_read(const lfs_config* config, lfs_block_t block, lfs_off_t offset, void* buffer,
            lfs_size_t size) noexcept {
  VolumeState& state = state_of(config);
  const MutableBytes out(static_cast<std::byte*>(buffer), size);
  const Status done = state.flash->read(address_of(block, offset), out);
  return done ? 0 : lfs_error_of(state, done.error());
}

int on_program(const lfs_config* config, lfs_block_t block, lfs_off_t offset, const void* buffer,
               lfs_size_t size) noexcept {
  VolumeState& state = state_of(config);
  state.erased.remove(block);
  const std::uint32_t page_bytes = state.flash->geometry().page_bytes;
  std::uint32_t address = address_of(block, offset);
  Bytes left(static_cast<const std::byte*>(buffer), size);
  while (!left.empty()) {
    const std::size_t room = page_bytes - address % page_bytes;
    const Bytes piece = left.first(std::min(left.size(), room));
    const Status done = state.flash->program(address, piece);
    if (!done) return lfs_error_of(state, done.error());
    left = left.subspan(piece.size());
    address += static_cast<std::uint32_t>(piece.size());
  }
  return 0;
}

int on_erase(const lfs_config* config, lfs_block_t block) noexcept {
  VolumeState& state = state_of(config);
  if (state.erased.contains(block)) {
    state.erased.remove(block);
    return 0;
  }
  const Status done = state.flash->erase(address_of(block, 0), kBlockBytes);
  return done ? 0 : lfs_error_of(state, done.error());
}

/// Each program and erase has returned only when the part was idle again, so all is durable
/// already.
int on_sync(const lfs_config*) noexcept { return 0; }

Result<bool> is_blank(flash::NorFlash& flash, std::uint32_t address, std::uint32_t size) noexcept {
  std::array<std::byte, 256> piece{};
  for (std::uint32_t done = 0; done < size; done += piece.size()) {
    OTA_TRY(flash.read(address + done, piece));
    const bool blank = std::all_of(piece.begin(), piece.end(),
                                   [](std::byte byte) { return byte == std::byte{0xFF}; });
    if (!blank) return false;
  }
  return true;
}

/// littlefs mounts a file system whose limits are too small for our files, and refuses them later.
Status check_superblock(VolumeState& state) noexcept {
  lfs_fsinfo info{};
  const int error = lfs_fs_stat(&state.lfs, &info);
  if (error < 0) return state.damage_of(error);
  const bool large_enough = info.name_max >= internal::kNameBytesMax &&
                            info.attr_max >= kAttributeBytes &&
                            info.file_max >= info.block_count * info.block_size;
  return large_enough ? Status(Ok{}) : Status(Errc::Corrupt);
}

/// littlefs finishes what a power cut interrupted with the next write. What cannot be finished
/// would make each later write fail, so it is done while there is still a choice.
Status finish_interrupted_work(VolumeState& state) noexcept {
  const int error = lfs_fs_mkconsistent(&state.lfs);
  if (error == LFS_ERR_NOSPC) return Ok{};  // Images can still be read and removed.
  if (error < 0) return state.damage_of(error);
  return state.lfs.gstate.tag == 0 ? Status(Ok{}) : Status(Errc::Corrupt);
}

}  // namespace

Errc VolumeState::errc_of(int error) const noexcept {
  switch (error) {
    case LFS_ERR_IO:
      return flash_error;
    case LFS_ERR_NOENT:
    case LFS_ERR_NOATTR:
      return Errc::NotFound;
    case LFS_ERR_NOSPC:
      return Errc::NoSpace;
    case LFS_ERR_FBIG:
      return Errc::OutOfRange;
    default:  // Also what only damage explains, such as a directory where we have a file.
      return Errc::Corrupt;
  }
}

Volume::Volume(flash::NorFlash& flash) noexcept {
  static_assert(sizeof(VolumeState) <= kStateBytes && alignof(VolumeState) <= 8);
  VolumeState& state = *new (storage_.data()) VolumeState{};
  state.flash = &flash;
  lfs_config& config = state.config;
  config.context = &state;
  config.read = on_read;
  config.prog = on_program;
  config.erase = on_erase;
  config.sync = on_sync;
  config.read_size = internal::kReadBytes;
  config.prog_size = internal::kProgramBytes;
  config.block_size = kBlockBytes;
  config.block_cycles = internal::kBlockCycles;
  config.cache_size = kCacheBytes;
  config.lookahead_size = internal::kLookaheadBytes;
  config.read_buffer = state.read_cache.data();
  config.prog_buffer = state.program_cache.data();
  config.lookahead_buffer = state.lookahead.data();
  config.metadata_max = internal::kMetadataBytesMax;
  config.inline_max = internal::kInlineBytesMax;
}

VolumeState& Volume::state() noexcept {
  return *std::launder(reinterpret_cast<VolumeState*>(storage_.data()));
}

const VolumeState& Volume::state() const noexcept {
  return *std::launder(reinterpret_cast<const VolumeState*>(storage_.data()));
}

Status Volume::mount() noexcept {
  VolumeState& own = state();
  if (mounted_)
    (void)lfs_unmount(&own.lfs);  // only forgets: buffers are ours, and nothing is written
  mounted_ = false;
  own.erased = {};
  const flash::Geometry part = own.flash->geometry();
  const lfs_size_t blocks = part.size_bytes / kBlockBytes;
  const std::uint32_t unit = part.erase_bytes_min();
  if (blocks < internal::kBlocksMin || unit == 0 || kBlockBytes % unit != 0 ||
      part.page_bytes == 0) {
    return Errc::NoDevice;
  }
  own.config.block_count = blocks;
  const int error = lfs_mount(&own.lfs, &own.config);
  if (error < 0) return own.damage_of(error);
  Status usable = check_superblock(own);
  if (usable) usable = finish_interrupted_work(own);
  if (!usable) {
    (void)lfs_unmount(&own.lfs);
    return usable;
  }
  mounted_ = true;
  return Ok{};
}

Status Volume::format() noexcept {
  VolumeState& own = state();
  mounted_ = false;
  own.erased = {};
  return own.status_of(lfs_format(&own.lfs, &own.config));
}

Result<bool> Volume::never_formatted() noexcept {
  flash::NorFlash& flash = *state().flash;
  OTA_TRY(const bool first_blank, is_blank(flash, address_of(0, 0), kBlockBytes));
  if (!first_blank) {
    OTA_TRY(const bool second_blank, is_blank(flash, address_of(1, 0), kBlockBytes));
    if (!second_blank) return false;
  }
  for (std::uint32_t block = 2; block < block_count(); ++block) {
    OTA_TRY(const bool blank, is_blank(flash, address_of(block, 0), internal::kProgramBytes));
    if (!blank) return false;
  }
  return true;
}

Result<std::uint32_t> Volume::size_of(const char* name) noexcept {
  if (!mounted_) return Errc::Io;
  lfs_info info{};
  OTA_TRY(state().status_of(lfs_stat(&state().lfs, name, &info)));
  // Nobody makes a directory of this name, or a file larger than the part.
  if (info.type != LFS_TYPE_REG || info.size > block_count() * kBlockBytes) return Errc::Corrupt;
  return info.size;
}

Result<std::size_t> Volume::attribute(const char* name, MutableBytes out) noexcept {
  if (!mounted_) return Errc::Io;
  const lfs_ssize_t size = lfs_getattr(&state().lfs, name, kAttributeType, out.data(),
                                       static_cast<lfs_size_t>(out.size()));
  if (size < 0) return state().errc_of(size);
  return std::min(static_cast<std::size_t>(size), out.size());
}

Status Volume::remove(const char* name) noexcept {
  if (!mounted_) return Errc::Io;
  const int error = lfs_remove(&state().lfs, name);
  if (error == LFS_ERR_NOENT) return Ok{};
  return state().status_of(error);
}

Status Volume::rename(const char* from, const char* to) noexcept {
  if (!mounted_) return Errc::Io;
  return state().status_of(lfs_rename(&state().lfs, from, to));
}

Result<bool> Volume::erase_ahead() noexcept {
  if (!mounted_) return Errc::Io;
  VolumeState& own = state();
  BlockSet leave = own.erased;  // and all that is in use
  const auto note = [](void* set, lfs_block_t block) {
    static_cast<BlockSet*>(set)->insert(block);
    return 0;
  };
  OTA_TRY(own.status_of(lfs_fs_traverse(&own.lfs, note, &leave)));
  for (std::uint32_t block = 0; block < std::min(block_count(), BlockSet::kBlocksMax); ++block) {
    if (leave.contains(block)) continue;
    OTA_TRY(own.flash->erase(address_of(block, 0), kBlockBytes));
    own.erased.insert(block);
    return true;
  }
  return false;
}

std::uint32_t Volume::block_count() const noexcept { return state().config.block_count; }

Result<std::uint32_t> Volume::blocks_used() noexcept {
  if (!mounted_) return Errc::Io;
  const lfs_ssize_t blocks = lfs_fs_size(&state().lfs);
  if (blocks < 0) return state().damage_of(blocks);
  return static_cast<std::uint32_t>(blocks);
}

}  // namespace ota::store
