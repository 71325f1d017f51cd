#pragma once

// Images and journal in littlefs on the external flash. Flat root: /journal, /candidate (what is
// being downloaded), /current (the last confirmed image, for rollback). Bytes:
// docs/formats/flash.md.

#include <cstdint>

#include "base/bytes.hpp"
#include "base/fixed_text.hpp"
#include "base/result.hpp"
#include "base/sha256.hpp"
#include "contract/limits.hpp"
#include "device/core/flash/nor_flash.hpp"
#include "device/core/store/file.hpp"
#include "device/core/store/journal.hpp"
#include "device/core/store/volume.hpp"

namespace ota::store {

enum class Slot : std::uint8_t { Candidate, Current };

/// What the file's attribute says of an image, committed by littlefs together with the file's size.
struct ImageIdentity {
  std::uint32_t version = 0;
  std::uint32_t size_bytes = 0;  // of the whole image
  Digest sha256{};               // of the whole image
  FixedText<contract::kMcuVersionBytesMax> mcu_version;
  FixedText<64> etag;  // of the object that the stored bytes come from

  /// The same image, from whichever object.
  bool same_image(const ImageIdentity& other) const noexcept {
    return version == other.version && size_bytes == other.size_bytes && sha256 == other.sha256;
  }
};

struct StoredImage {
  ImageIdentity identity;
  std::uint32_t stored_bytes = 0;  // durable
  bool complete() const noexcept { return stored_bytes == identity.size_bytes; }
};

/// What mounting had to do. Formatting a part that held data is loss of the images and must be
/// reported.
enum class MountOutcome : std::uint8_t { Mounted, FormattedBlank, FormattedCorrupt };

class Store {
 public:
  explicit Store(flash::NorFlash& flash) noexcept;
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// Starts the part and mounts the file system. A blank part, or one whose superblock never held a
  /// valid commit, is formatted; anything else that does not mount is reset and tried three times
  /// before it is formatted once.
  /// An image whose list of blocks stays damaged is deleted: littlefs could not allocate beside it.
  /// @errors NoDevice, Timeout, Io, Protected: the part fails; nothing was changed.
  /// @power_cut the next mount finds the same files
  Result<MountOutcome> mount() noexcept;
  bool mounted() const noexcept;

  /// @errors NotFound: no journal yet. Corrupt: not a valid record. Io.
  Result<Journal> read_journal() noexcept;
  /// @power_cut the old record or the new one, never a mixture
  Status write_journal(const Journal& journal) noexcept;

  /// @errors NotFound: no such image, or one without a valid attribute.
  Result<StoredImage> find(Slot slot) noexcept;

  /// Bytes that a new candidate can take while /current is kept, or after it was removed.
  Result<std::uint32_t> room_for_candidate(bool keep_current) noexcept;

  /// Opens the candidate for appending. One with the same image is continued at its durable size;
  /// another is deleted first.
  /// @returns the bytes that are there: the offset to go on from
  Result<std::uint32_t> open_candidate(const ImageIdentity& identity) noexcept;

  /// Drops all bytes of the open candidate and takes a new ETag (the object changed, or the server
  /// ignored the range).
  Status restart_candidate(std::string_view etag) noexcept;

  /// The ETag of the object that is being received; committed with the next sync.
  Status set_candidate_etag(std::string_view etag) noexcept;

  /// Appends bytes and syncs exactly when the end of the file meets a block boundary of the CTZ
  /// list.
  /// @errors NoSpace. OutOfRange: more than identity.size_bytes. Io, Timeout, Corrupt: the file was
  /// closed; open it again.
  /// @power_cut the size of the last sync; at most one block (64 KiB) behind
  Status append(Bytes bytes) noexcept;

  /// Bytes accepted by append() so far, synced or not. A network cut costs none of them.
  std::uint32_t candidate_bytes() const noexcept;
  bool candidate_open() const noexcept;

  /// Syncs and closes the candidate.
  Status close_candidate() noexcept;

  /// Reads image bytes from the flash. Short only at the end of the file. @errors NotFound,
  /// OutOfRange, Io, Corrupt
  Result<std::size_t> read(Slot slot, std::uint32_t offset, MutableBytes out) noexcept;

  /// SHA-256 over all stored bytes of the slot, read back from the flash.
  Result<Digest> hash(Slot slot) noexcept;

  /// Renames the candidate to current, which it replaces. @power_cut one of both, whole
  Status promote() noexcept;

  /// Erases one free block while nothing else is to do: the next download then does not wait for
  /// erases, which are 40 % of its time. Wear: a restart forgets which blocks are erased, so each
  /// free block is erased at most once more for each time that the caller begins with this after a
  /// mount.
  /// @returns whether there may be more to do
  /// @errors Busy: the candidate is open. NoDevice, Timeout, Io: the flash. Corrupt: an image whose
  /// list of blocks is damaged; mount again.
  /// @power_cut nothing that is stored is touched
  Result<bool> erase_ahead() noexcept;

  /// Deletes an image; fine if there is none.
  Status discard(Slot slot) noexcept;

 private:
  Status mount_after_restart() noexcept;
  Result<MountOutcome> mount_or_format() noexcept;
  Result<MountOutcome> format(MountOutcome outcome) noexcept;
  Result<bool> drop_unreadable_images() noexcept;
  Result<bool> can_walk() noexcept;
  Status walk() noexcept;
  Result<std::uint32_t> begin_candidate() noexcept;
  Status to_reader(Slot slot, std::uint32_t offset) noexcept;
  void release_handles() noexcept;

  flash::NorFlash& flash_;
  Volume volume_;
  File writer_;
  ImageIdentity candidate_;  // what writer_ stores; valid while it is open
  std::uint32_t candidate_bytes_ = 0;
  File reader_;  // kept open, so that reading on costs no look-up
  Slot reader_slot_ = Slot::Candidate;
  std::uint32_t reader_at_ = 0;
};

}  // namespace ota::store
