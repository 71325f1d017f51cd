#include "device/core/store/file.hpp"

#include <algorithm>
#include <new>

#include "base/assert.hpp"
#include "device/core/store/internal/lfs_state.hpp"

namespace ota::store {

using internal::FileState;

namespace {

int flags_of(File::Mode mode) noexcept {
  switch (mode) {
    case File::Mode::Read:
      return LFS_O_RDONLY;
    case File::Mode::Append:
      return LFS_O_WRONLY | LFS_O_CREAT | LFS_O_APPEND;
    case File::Mode::Replace:
      return LFS_O_WRONLY | LFS_O_CREAT | LFS_O_TRUNC;
  }
  return LFS_O_RDONLY;
}

}  // namespace

File::File() noexcept {
  static_assert(sizeof(FileState) <= kStateBytes && alignof(FileState) <= 8);
  new (storage_.data()) FileState{};
}

FileState& File::state() noexcept {
  return *std::launder(reinterpret_cast<FileState*>(storage_.data()));
}

Status File::open(Volume& volume, const char* name, Mode mode) noexcept {
  return open_with_attribute(volume, name, mode, {});
}

Status File::open_with_attribute(Volume& volume, const char* name, Mode mode,
                                 Bytes attribute) noexcept {
  OTA_ASSERT(!is_open());
  if (!volume.mounted()) return Errc::Io;
  FileState& own = state();
  set_attribute(attribute);
  own.attribute = {.type = kAttributeType,
                   .buffer = own.attribute_bytes.data(),
                   .size = static_cast<lfs_size_t>(attribute.size())};
  own.config = {.buffer = own.cache.data(),
                .attrs = &own.attribute,
                .attr_count = attribute.empty() ? 0U : 1U};
  OTA_TRY(volume.state().status_of(
      lfs_file_opencfg(&volume.state().lfs, &own.file, name, flags_of(mode), &own.config)));
  volume_ = &volume;
  return Ok{};
}

void File::set_attribute(Bytes attribute) noexcept {
  OTA_ASSERT(attribute.size() <= kAttributeBytes);
  std::copy(attribute.begin(), attribute.end(), state().attribute_bytes.begin());
}

Result<std::uint32_t> File::size() noexcept {
  if (!is_open()) return Errc::NotFound;
  const lfs_soff_t size = lfs_file_size(&volume_->state().lfs, &state().file);
  if (size < 0) return volume_->state().errc_of(size);
  return static_cast<std::uint32_t>(size);
}

Status File::seek(std::uint32_t offset) noexcept {
  if (!is_open()) return Errc::NotFound;
  const auto target = static_cast<lfs_soff_t>(offset);
  return volume_->state().status_of(
      lfs_file_seek(&volume_->state().lfs, &state().file, target, LFS_SEEK_SET));
}

Result<std::size_t> File::read(MutableBytes out) noexcept {
  if (!is_open()) return Errc::NotFound;
  const lfs_ssize_t size = lfs_file_read(&volume_->state().lfs, &state().file, out.data(),
                                         static_cast<lfs_size_t>(out.size()));
  if (size < 0) return volume_->state().errc_of(size);
  return static_cast<std::size_t>(size);
}

Status File::write(Bytes bytes) noexcept {
  if (!is_open()) return Errc::NotFound;
  return end_after(lfs_file_write(&volume_->state().lfs, &state().file, bytes.data(),
                                  static_cast<lfs_size_t>(bytes.size())));
}

Status File::sync() noexcept {
  if (!is_open()) return Errc::NotFound;
  return end_after(lfs_file_sync(&volume_->state().lfs, &state().file));
}

Status File::end_after(int error) noexcept {
  if (error >= 0) return Ok{};
  const Errc reason = volume_->state().errc_of(error);
  (void)close();  // gives the handle back; the failed write is the error that counts
  return reason;
}

Status File::close() noexcept {
  if (!is_open()) return Ok{};
  internal::VolumeState& volume = volume_->state();
  volume_ = nullptr;
  return volume.status_of(lfs_file_close(&volume.lfs, &state().file));
}

}  // namespace ota::store
