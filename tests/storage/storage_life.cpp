#include "tests/storage/storage_life.hpp"

#include <algorithm>
#include <array>

#include "device/core/store/ctz.hpp"
#include "tests/storage/storage_rig.hpp"

namespace ota::test {
namespace {

using store::Slot;

constexpr std::size_t kPieceBytes = 1460;
constexpr std::uint32_t kVersions = 2;

/// Images 1 and 2: two and three blocks.
const std::vector<std::byte>& image_of(std::uint32_t version) {
  static const std::array kImages = {random_bytes(70'000, 21), random_bytes(140'000, 22)};
  return kImages.at(version - 1);
}

/// The last block boundary at or below `size`.
std::uint32_t last_boundary(std::uint32_t size) {
  std::uint32_t index = 0;
  while (store::ctz_block_start(index + 1, store::kBlockBytes) <= size) ++index;
  return static_cast<std::uint32_t>(store::ctz_block_start(index, store::kBlockBytes));
}

}  // namespace

Status StorageLife::mount() {
  OTA_TRY(const store::MountOutcome outcome, store_.mount());
  require(outcome != store::MountOutcome::FormattedCorrupt, "power cuts never look like damage");
  require(!promised_.formatted || outcome == store::MountOutcome::Mounted,
          "a file system is never formatted again");
  promised_.formatted = true;
  return Ok{};
}

Status StorageLife::go_on() {
  OTA_TRY(mount());
  check();
  OTA_TRY(note());
  for (std::uint32_t version = version_of_current() + 1; version <= kVersions; ++version) {
    OTA_TRY(install(image_of(version), version));
  }
  return Ok{};
}

void StorageLife::check_at_the_end() {
  require(static_cast<bool>(mount()), "the flash mounts at the end");
  check();
  require(version_of_current() == kVersions, "the last image is current at the end");
}

void StorageLife::check() {
  check_journal();
  check_current();
  check_candidate();
}

void StorageLife::check_journal() {
  const auto journal = store_.read_journal();
  require(journal || (journal.error() == Errc::NotFound && promised_.journal == 0),
          "a journal that was written can be read");
  const std::uint32_t number = journal ? journal->mcu_version : 0;
  require(number == promised_.journal || number == promised_.journal_begun,
          "the journal is the last one that was written or the one being written");
  promised_.journal = promised_.journal_begun = number;
}

void StorageLife::check_current() {
  const std::uint32_t version = version_of_current();
  require(version == promised_.current_version || version == promised_.current_begun,
          "the current image is the promoted one or the one being promoted");
  promised_.current_version = promised_.current_begun = version;
  if (version == 0) return;
  const auto current = store_.find(Slot::Current);
  require(current && current->complete(), "the current image is complete");
  const auto hash = store_.hash(Slot::Current);
  require(hash && *hash == sha256(image_of(version)), "the current image is intact");
}

void StorageLife::check_candidate() {
  const auto candidate = store_.find(Slot::Candidate);
  if (!candidate) {
    require(promised_.durable_bytes == 0, "a candidate that was synced is there");
    return;
  }
  require(candidate->stored_bytes >= promised_.durable_bytes, "synced bytes are there");
  const auto& image = image_of(candidate->identity.version);
  const auto hash = store_.hash(Slot::Candidate);
  require(hash && *hash == sha256(Bytes(image).first(candidate->stored_bytes)),
          "all stored bytes of the candidate are those of its image");
}

std::uint32_t StorageLife::version_of_current() {
  const auto current = store_.find(Slot::Current);
  return current ? current->identity.version : 0;
}

Status StorageLife::note() {
  store::Journal journal;
  journal.mcu_version = promised_.journal_begun = promised_.journal + 1;
  OTA_TRY(store_.write_journal(journal));
  promised_.journal = promised_.journal_begun;
  return Ok{};
}

Status StorageLife::install(Bytes image, std::uint32_t version) {
  OTA_TRY(std::uint32_t at, store_.open_candidate(identity_of(image, version)));
  require(at >= promised_.durable_bytes, "the download goes on at the last synced byte");
  while (at < image.size()) {
    const std::size_t piece = std::min(kPieceBytes, image.size() - at);
    OTA_TRY(store_.append(image.subspan(at, piece)));
    at += static_cast<std::uint32_t>(piece);
    promised_.durable_bytes = std::max(promised_.durable_bytes, last_boundary(at));
  }
  OTA_TRY(store_.close_candidate());
  promised_.durable_bytes = at;
  OTA_TRY(note());
  promised_.current_begun = version;
  promised_.durable_bytes = 0;  // From here on the bytes are in one file or the other.
  OTA_TRY(store_.promote());
  promised_.current_version = version;
  return note();
}

}  // namespace ota::test
