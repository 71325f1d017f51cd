// What an external flash may hold when the device starts: a formatted part with images and a
// journal, with edits. Properties: mounting succeeds (a part that works can always be formatted),
// no call runs on for ever, and the store takes the next image, which is there after a restart. If
// somebody forged metadata with right checksums, the store may need another format to get there.
//
// Input: one byte of options, then edits of {place, offset (2 bytes), length, bytes}.

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/random.hpp"
#include "device/core/store/store.hpp"
#include "fuzz/memory_flash.hpp"
#include "fuzz/metadata_log.hpp"
#include "fuzz/require.hpp"

namespace {

using namespace ota;
using fuzz::require;
using fuzz::require_success;
using store::Slot;
using store::Store;

constexpr std::uint32_t kImageBytes = 70'000;  // two blocks: there is a pointer to be damaged
constexpr std::size_t kEditsMax = 64;

// Bits of the first byte.
constexpr unsigned kRepairChecksums = 0x01;  // else nearly every edit of metadata ends at a CRC
constexpr unsigned kPartShift = 1;           // two bits: which part
// Bits of a place; the others are a block.
constexpr unsigned kEraseSector = 0x80;
constexpr unsigned kFlipBits = 0x40;
constexpr unsigned kAppendCommit = 0x20;  // the bytes are tags behind the block's log

struct Image {
  explicit Image(std::uint32_t version) : bytes(kImageBytes) {
    SplitMix64 random(version);
    for (auto& byte : bytes) byte = static_cast<std::byte>(random.next() >> 56U);
    identity.version = version;
    identity.size_bytes = kImageBytes;
    identity.sha256 = sha256(bytes);
    identity.mcu_version.append_number(version);
    identity.etag = "\"e\"";
  }

  std::vector<std::byte> bytes;
  store::ImageIdentity identity;
};

Status store_image(Store& store, const Image& image) {
  OTA_TRY(const std::uint32_t from, store.open_candidate(image.identity));
  OTA_TRY(store.append(Bytes(image.bytes).subspan(from)));
  return store.close_candidate();
}

fuzz::MemoryFlash formatted_part() {
  fuzz::MemoryFlash flash;
  Store store(flash);
  require_success(store.mount());
  return flash;
}

fuzz::MemoryFlash part_in_use(unsigned images) {
  fuzz::MemoryFlash flash;
  Store store(flash);
  require_success(store.mount());
  store::Journal journal;
  for (std::uint32_t i = 1; i <= images; ++i) {
    journal.mcu_version = i;
    require_success(store.write_journal(journal));
    require_success(store_image(store, Image(i)));
    if (i == 1) require_success(store.promote());
  }
  return flash;
}

/// Nothing but these four is a beginning: edits of a blank part make all others.
fuzz::MemoryFlash part(unsigned kind) {
  static const std::vector<fuzz::MemoryFlash> parts = {part_in_use(2), part_in_use(1),
                                                       formatted_part(), fuzz::MemoryFlash()};
  return parts[kind];
}

enum class Edited : std::uint8_t { Bytes, WithChecksums };

Edited edit(fuzz::MemoryFlash& flash, Bytes input) {
  Edited edited = Edited::Bytes;
  for (std::size_t edits = 0; input.size() > 4 && edits < kEditsMax; ++edits) {
    const auto place = std::to_integer<unsigned>(input[0]);
    const std::size_t offset = load_le16(input.data() + 1);
    const MutableBytes block =
        flash.block(place % (fuzz::MemoryFlash::kSizeBytes / fuzz::MemoryFlash::kBlockBytes));
    if ((place & kEraseSector) != 0) {
      const std::size_t sector = offset - offset % fuzz::MemoryFlash::kEraseBytes;
      for (std::byte& byte : block.subspan(sector, fuzz::MemoryFlash::kEraseBytes))
        byte = std::byte{0xFF};
    }
    std::size_t count = std::to_integer<std::size_t>(input[3]);
    input = input.subspan(4);
    count = std::min({count, input.size(), block.size() - offset});
    const Bytes bytes = input.first(count);
    input = input.subspan(count);
    if ((place & kAppendCommit) != 0) {
      fuzz::append_commit(block, bytes);
      edited = Edited::WithChecksums;
      continue;
    }
    for (std::size_t i = 0; i < count; ++i) {
      std::byte& cell = block[offset + i];
      cell = (place & kFlipBits) != 0 ? cell ^ bytes[i] : bytes[i];
    }
  }
  return edited;
}

/// Reads all of a slot, and compares it with `wanted` if that is not empty. By read() and not by
/// hash(): SHA-256 would take nearly all of the fuzzer's time.
bool read_all(Store& store, Slot slot, Bytes wanted = {}) {
  std::array<std::byte, 4096> piece{};
  std::uint32_t at = 0;
  while (true) {
    const auto size = store.read(slot, at, piece);
    if (!size) return false;
    if (*size == 0) return wanted.empty() || at == wanted.size();
    if (!wanted.empty() &&
        (at + *size > wanted.size() || std::memcmp(piece.data(), &wanted[at], *size) != 0))
      return false;
    at += static_cast<std::uint32_t>(*size);
  }
}

/// Results do not matter here, only that each call ends and keeps to its bounds.
void use_all(Store& store) {
  for (const Slot slot : {Slot::Candidate, Slot::Current}) {
    const auto found = store.find(slot);
    if (found) require(found->stored_bytes <= found->identity.size_bytes);
    (void)read_all(store, slot);
  }
  (void)store.read_journal();
  const auto room = store.room_for_candidate(true);
  if (room) require(*room <= fuzz::MemoryFlash::kSizeBytes);
}

/// Takes an image as the engine does. @returns whether all of it is there
bool take_next_image(Store& store, const Image& image) {
  store::Journal journal;
  journal.mcu_version = image.identity.version;
  if (!store.write_journal(journal)) return false;
  const auto written = store.read_journal();
  if (!written || !(*written == journal)) return false;
  // Two images that claim the whole part may be there; the engine then drops the old one first.
  if (!store_image(store, image)) {
    if (!store.discard(Slot::Current) || !store_image(store, image)) return false;
  }
  if (!read_all(store, Slot::Candidate, image.bytes) || !store.promote()) return false;
  const auto found = store.find(Slot::Current);
  return found && found->complete() && read_all(store, Slot::Current, image.bytes);
}

/// One life from start to start. @returns whether the new image outlives it
bool live(fuzz::MemoryFlash& flash) {
  static const Image next(99);
  {
    Store store(flash);
    require_success(store.mount());
    use_all(store);
    if (!take_next_image(store, next)) return false;
  }
  Store restarted(flash);
  const auto outcome = restarted.mount();
  require_success(outcome);
  return *outcome == store::MountOutcome::Mounted && read_all(restarted, Slot::Current, next.bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes input = std::as_bytes(std::span(data, size));
  const auto options = std::to_integer<unsigned>(input[0]);
  fuzz::MemoryFlash flash = part((options >> kPartShift) & 3U);
  bool forged = edit(flash, input.subspan(1)) == Edited::WithChecksums;
  if ((options & kRepairChecksums) != 0) {
    for (const std::uint32_t block : {0U, 1U}) (void)fuzz::repair_checksums(flash.block(block));
    forged = true;
  }
  if (!live(flash)) {
    require(forged);
    require(live(flash));
  }
  return 0;
}
