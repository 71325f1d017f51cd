#include "device/core/store/store.hpp"

#include <algorithm>

#include "device/core/flash/w25q.hpp"
#include "device/core/store/ctz.hpp"
#include "device/core/store/image_attribute.hpp"

namespace ota::store {
namespace {

constexpr const char* kJournalName = "journal";
constexpr std::size_t kHashPieceBytes = 1024;
constexpr int kMountTries = 3;

// Kept free beside the images: a metadata pair that moves for wear levelling needs two blocks.
constexpr std::uint32_t kReserveBlocks = 2;

// The device's core runs on small parts: all of storage, without heap, stays far below the 32 KiB
// of docs/architecture.md.
static_assert(sizeof(Store) + sizeof(flash::W25q) <= 8U * 1024U);

/// The only reason to give up what is stored: a part that fails to answer says nothing about what
/// it holds. And a bad contact looks the same for a moment, so the part is started and asked again
/// before anything goes.
bool is_corrupt(const Status& status) noexcept {
  return !status && status.error() == Errc::Corrupt;
}

constexpr const char* name_of(Slot slot) noexcept {
  switch (slot) {
    case Slot::Candidate:
      return "candidate";
    case Slot::Current:
      return "current";
  }
  return "";
}

}  // namespace

Store::Store(flash::NorFlash& flash) noexcept : flash_(flash), volume_(flash) {}
Store::~Store() = default;

bool Store::mounted() const noexcept { return volume_.mounted(); }

void Store::release_handles() noexcept {
  writer_.forget();
  reader_.forget();
  candidate_bytes_ = 0;
}

Status Store::mount_after_restart() noexcept {
  OTA_TRY(flash_.start());
  return volume_.mount();
}

Result<MountOutcome> Store::mount() noexcept {
  release_handles();
  OTA_TRY(const MountOutcome outcome, mount_or_format());
  OTA_TRY(const bool sound, drop_unreadable_images());
  return sound ? outcome : format(MountOutcome::FormattedCorrupt);
}

Result<MountOutcome> Store::mount_or_format() noexcept {
  Status mounted = mount_after_restart();
  if (is_corrupt(mounted)) {
    OTA_TRY(const bool blank, volume_.never_formatted());
    if (blank) return format(MountOutcome::FormattedBlank);
    for (int left = kMountTries; left != 0 && is_corrupt(mounted); --left) {
      mounted = mount_after_restart();
    }
    if (is_corrupt(mounted)) return format(MountOutcome::FormattedCorrupt);
  }
  OTA_TRY(mounted);
  return MountOutcome::Mounted;
}

Result<MountOutcome> Store::format(MountOutcome outcome) noexcept {
  OTA_TRY(volume_.format());
  OTA_TRY(volume_.mount());
  return outcome;
}

/// To find free blocks littlefs walks all files. One with a rotten pointer would make every later
/// write fail, for ever.
/// @returns false: not even the directory can be walked
Result<bool> Store::drop_unreadable_images() noexcept {
  for (const Slot slot : {Slot::Candidate, Slot::Current}) {
    OTA_TRY(const bool readable, can_walk());
    if (readable) return true;
    const Status removed = volume_.remove(name_of(slot));
    if (is_corrupt(removed)) return false;
    OTA_TRY(removed);
  }
  return can_walk();
}

Result<bool> Store::can_walk() noexcept {
  Status walked = walk();
  for (int left = kMountTries; left != 0 && is_corrupt(walked); --left) {
    OTA_TRY(mount_after_restart());  // which forgets what was read
    walked = walk();
  }
  if (is_corrupt(walked)) return false;
  OTA_TRY(walked);
  return true;
}

Status Store::walk() noexcept {
  // littlefs mounts without reading the root directory, and even where there is none.
  for (const char* name : {kJournalName, name_of(Slot::Candidate), name_of(Slot::Current)}) {
    const auto size = volume_.size_of(name);
    if (!size && size.error() != Errc::NotFound) return size.error();
  }
  const auto blocks = volume_.blocks_used();
  return blocks ? Status(Ok{}) : Status(blocks.error());
}

Result<Journal> Store::read_journal() noexcept {
  std::array<std::byte, kJournalBytesMax> record{};
  OTA_TRY(const std::uint32_t size, volume_.size_of(kJournalName));
  // littlefs commits the name of a new file before its content.
  if (size == 0) return Errc::NotFound;
  if (size > record.size()) return Errc::Corrupt;
  File file;
  OTA_TRY(file.open(volume_, kJournalName, File::Mode::Read));
  const auto read = file.read(record);
  OTA_TRY(file.close());
  if (!read) return read.error();
  return decode_journal(Bytes(record).first(*read));
}

Status Store::write_journal(const Journal& journal) noexcept {
  std::array<std::byte, kJournalBytesMax> record{};
  const std::size_t size = encode_journal(journal, record);
  File file;
  OTA_TRY(file.open(volume_, kJournalName, File::Mode::Replace));
  OTA_TRY(file.write(Bytes(record).first(size)));
  return file.close();
}

Result<StoredImage> Store::find(Slot slot) noexcept {
  OTA_TRY(const std::uint32_t size, volume_.size_of(name_of(slot)));
  ImageAttribute attribute{};
  OTA_TRY(const std::size_t attribute_bytes, volume_.attribute(name_of(slot), attribute));
  const auto identity = decode_attribute(Bytes(attribute).first(attribute_bytes));
  if (!identity || size > identity->size_bytes) return Errc::NotFound;
  return StoredImage{*identity, size};
}

Result<std::uint32_t> Store::room_for_candidate(bool keep_current) noexcept {
  OTA_TRY(std::uint32_t used, volume_.blocks_used());
  const auto release = [&](Slot slot) noexcept -> Status {
    const auto size = volume_.size_of(name_of(slot));
    if (!size && size.error() != Errc::NotFound) return size.error();
    if (size) used -= std::min(used, ctz_blocks(*size, kBlockBytes));
    return Ok{};
  };
  OTA_TRY(release(Slot::Candidate));
  if (!keep_current) OTA_TRY(release(Slot::Current));
  const std::uint32_t kept = used + kReserveBlocks;
  if (kept >= volume_.block_count()) return std::uint32_t{0};
  return static_cast<std::uint32_t>(ctz_block_start(volume_.block_count() - kept, kBlockBytes));
}

Result<std::uint32_t> Store::open_candidate(const ImageIdentity& identity) noexcept {
  OTA_TRY(close_candidate());
  OTA_TRY(reader_.close());
  const auto found = find(Slot::Candidate);
  if (!found && found.error() != Errc::NotFound) return found.error();
  candidate_ = identity;
  if (found && found->identity.same_image(identity)) {
    // The ETag belongs to the bytes that are there, not to the offer.
    if (found->stored_bytes != 0) candidate_.etag = found->identity.etag;
  } else {
    OTA_TRY(discard(Slot::Candidate));
  }
  return begin_candidate();
}

Result<std::uint32_t> Store::begin_candidate() noexcept {
  const ImageAttribute attribute = encode_attribute(candidate_);
  OTA_TRY(writer_.open_with_attribute(volume_, name_of(Slot::Candidate), File::Mode::Append,
                                      attribute));
  OTA_TRY(candidate_bytes_, writer_.size());
  // Looked up once more than in find(), and a bad wire may say something else each time.
  if (candidate_bytes_ > candidate_.size_bytes) {
    writer_.forget();
    candidate_bytes_ = 0;
    return Errc::Corrupt;
  }
  return candidate_bytes_;
}

Status Store::restart_candidate(std::string_view etag) noexcept {
  if (!candidate_open()) return Errc::NotFound;
  ImageIdentity fresh = candidate_;
  if (!fresh.etag.assign(etag)) return Errc::OutOfRange;
  // Closed and removed rather than truncated: the old blocks are free before the first new byte.
  OTA_TRY(discard(Slot::Candidate));
  candidate_ = fresh;
  OTA_TRY(const std::uint32_t size, begin_candidate());
  return size == 0 ? Status(Ok{}) : Status(Errc::Corrupt);
}

Status Store::set_candidate_etag(std::string_view etag) noexcept {
  if (!candidate_open()) return Errc::NotFound;
  if (!candidate_.etag.assign(etag)) return Errc::OutOfRange;
  writer_.set_attribute(encode_attribute(candidate_));
  return Ok{};
}

Status Store::append(Bytes bytes) noexcept {
  if (!candidate_open()) return Errc::NotFound;
  if (bytes.size() > candidate_.size_bytes - candidate_bytes_) return Errc::OutOfRange;
  // Another handle would go on showing the file as it was.
  OTA_TRY(reader_.close());
  while (!bytes.empty()) {
    const auto boundary = ctz_next_boundary(candidate_bytes_, kBlockBytes);
    const auto to_boundary = static_cast<std::size_t>(boundary - candidate_bytes_);
    const Bytes piece = bytes.first(std::min(bytes.size(), to_boundary));
    Status done = writer_.write(piece);
    if (done && piece.size() == to_boundary) done = writer_.sync();
    if (!done) {
      candidate_bytes_ = 0;
      return done;
    }
    candidate_bytes_ += static_cast<std::uint32_t>(piece.size());
    bytes = bytes.subspan(piece.size());
  }
  return Ok{};
}

std::uint32_t Store::candidate_bytes() const noexcept { return candidate_bytes_; }

bool Store::candidate_open() const noexcept { return writer_.is_open(); }

Status Store::close_candidate() noexcept { return writer_.close(); }

Status Store::to_reader(Slot slot, std::uint32_t offset) noexcept {
  if (!reader_.is_open() || reader_slot_ != slot) {
    OTA_TRY(reader_.close());
    OTA_TRY(reader_.open(volume_, name_of(slot), File::Mode::Read));
    reader_slot_ = slot;
    reader_at_ = 0;
  }
  OTA_TRY(const std::uint32_t size, reader_.size());
  if (offset > size) return Errc::OutOfRange;
  if (offset != reader_at_) OTA_TRY(reader_.seek(offset));
  reader_at_ = offset;
  return Ok{};
}

Result<std::size_t> Store::read(Slot slot, std::uint32_t offset, MutableBytes out) noexcept {
  if (const Status ready = to_reader(slot, offset); !ready) return ready.error();
  const auto size = reader_.read(out);
  if (!size) {
    const Status closed = reader_.close();  // Where it stands is not known any more.
    return closed ? size.error() : closed.error();
  }
  reader_at_ += static_cast<std::uint32_t>(*size);
  return *size;
}

Result<Digest> Store::hash(Slot slot) noexcept {
  Sha256 sum;
  std::array<std::byte, kHashPieceBytes> piece{};
  std::uint32_t offset = 0;
  while (true) {
    OTA_TRY(const std::size_t size, read(slot, offset, piece));
    if (size == 0) break;
    sum.update(Bytes(piece).first(size));
    offset += static_cast<std::uint32_t>(size);
  }
  return sum.finish();
}

Status Store::promote() noexcept {
  OTA_TRY(close_candidate());
  OTA_TRY(reader_.close());
  OTA_TRY(volume_.rename(name_of(Slot::Candidate), name_of(Slot::Current)));
  candidate_bytes_ = 0;
  return Ok{};
}

Result<bool> Store::erase_ahead() noexcept {
  if (candidate_open()) return Errc::Busy;
  return volume_.erase_ahead();
}

Status Store::discard(Slot slot) noexcept {
  OTA_TRY(reader_.close());
  if (slot == Slot::Candidate) {
    OTA_TRY(close_candidate());
    candidate_bytes_ = 0;
  }
  return volume_.remove(name_of(slot));
}

}  // namespace ota::store
