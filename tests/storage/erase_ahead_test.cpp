// Free blocks are erased while the device rests (docs/decisions/0008-erase-ahead.md): the next
// download waits for no erase, nothing that is stored is touched, and after a restart no block is
// trusted, since an interrupted erase may leave cells that only seem to be blank.

#include <gtest/gtest.h>

#include "tests/storage/storage_rig.hpp"

namespace ota::store {
namespace {

using test::identity_of;
using test::random_bytes;
using test::StorageRig;

constexpr std::uint32_t kSmallPart = 1024 * 1024;
constexpr std::uint32_t kSmallBlocks = kSmallPart / kBlockBytes;
const std::vector<std::byte> kOld = random_bytes(100'000, 1);
const std::vector<std::byte> kNew = random_bytes(200'000, 2);

/// Erases of each block so far.
std::vector<std::uint32_t> wear(const sim::SimW25q& part) {
  std::vector<std::uint32_t> erases;
  for (std::uint32_t block = 0; block < part.size_bytes() / kBlockBytes; ++block) {
    erases.push_back(part.stats().wear[block * (kBlockBytes / sim::kSectorBytes)]);
  }
  return erases;
}

int blocks_with_more_wear(const std::vector<std::uint32_t>& before,
                          const std::vector<std::uint32_t>& after) {
  int blocks = 0;
  for (std::size_t block = 2; block < after.size(); ++block) {  // 0 and 1 hold the metadata
    blocks += after[block] > before[block] ? 1 : 0;
  }
  return blocks;
}

/// @returns how many blocks were erased
int erase_all_ahead(Store& store) {
  for (int blocks = 0; blocks <= static_cast<int>(sim::kBlockCount); ++blocks) {
    const auto more = store.erase_ahead();
    EXPECT_TRUE(more) << to_text(more.error());
    if (!more || !*more) return blocks;
  }
  ADD_FAILURE() << "it does not end";
  return 0;
}

/// A part that has held an image, so that its free blocks are not blank.
sim::FlashCells used_flash(std::uint32_t size_bytes) {
  StorageRig rig({}, {.size_bytes = size_bytes});
  rig.mount();
  EXPECT_TRUE(rig.store_image(random_bytes(size_bytes / 2, 9), 9));
  EXPECT_TRUE(rig.store.discard(Slot::Candidate));
  EXPECT_TRUE(rig.store_image(kOld, 1));
  EXPECT_TRUE(rig.store.promote());
  return rig.part.cells();
}

struct UsedRig : StorageRig {
  explicit UsedRig(std::uint32_t size_bytes = kSmallPart)
      : StorageRig(cells_of(size_bytes), {.size_bytes = size_bytes}) {
    mount();
  }
  static sim::FlashCells cells_of(std::uint32_t size_bytes) {
    if (size_bytes != kSmallPart) return used_flash(size_bytes);
    static const sim::FlashCells kSmall = used_flash(kSmallPart);
    return kSmall;
  }
  void expect_stored(Slot slot, Bytes image) {
    const auto hash = store.hash(slot);
    ASSERT_TRUE(hash);
    EXPECT_EQ(*hash, sha256(image));
  }
};

TEST(EraseAhead, ADownloadAfterItErasesNoBlockForData) {
  UsedRig rig(sim::kFlashBytes);
  const int erased = erase_all_ahead(rig.store);
  EXPECT_EQ(erased, 256 - 2 - 2) << "all but the metadata and the current image";
  const auto before = wear(rig.part);
  ASSERT_TRUE(rig.store_image(kNew, 2));
  EXPECT_EQ(blocks_with_more_wear(before, wear(rig.part)), 0);
  rig.expect_stored(Slot::Candidate, kNew);
  rig.expect_no_violations();
}

TEST(EraseAhead, ErasesEachFreeBlockOnce) {
  UsedRig rig;
  const auto before = wear(rig.part);
  const int erased = erase_all_ahead(rig.store);
  EXPECT_EQ(erased, blocks_with_more_wear(before, wear(rig.part)));
  const auto after = wear(rig.part);
  EXPECT_EQ(erase_all_ahead(rig.store), 0);
  EXPECT_EQ(wear(rig.part), after);
}

TEST(EraseAhead, LeavesAllThatIsStoredAlone) {
  UsedRig rig;
  Journal journal;
  journal.mcu_version = 77;
  ASSERT_TRUE(rig.store.write_journal(journal));
  ASSERT_TRUE(rig.store.open_candidate(identity_of(kNew, 2)));
  const Bytes part_of_new = Bytes(kNew).first(150'000);
  ASSERT_TRUE(rig.store.append(part_of_new));
  EXPECT_EQ(rig.store.erase_ahead().error(), Errc::Busy) << "the candidate is open";
  ASSERT_TRUE(rig.store.close_candidate());
  EXPECT_GT(erase_all_ahead(rig.store), 0);
  rig.mount();
  rig.expect_stored(Slot::Current, kOld);
  rig.expect_stored(Slot::Candidate, part_of_new);
  ASSERT_TRUE(rig.store.read_journal());
  EXPECT_EQ(rig.store.read_journal()->mcu_version, 77U);
  ASSERT_TRUE(rig.store_image(kNew, 2)) << "it goes on where it ended";
  rig.expect_stored(Slot::Candidate, kNew);
  rig.expect_no_violations();
}

TEST(EraseAhead, TrustsNoBlockAfterARestart) {
  UsedRig rig;
  erase_all_ahead(rig.store);
  const auto before = wear(rig.part);
  rig.mount();
  ASSERT_TRUE(rig.store_image(kNew, 2));
  EXPECT_EQ(blocks_with_more_wear(before, wear(rig.part)), 4) << "each block of the image";
}

TEST(EraseAhead, TrustsNoBlockThatWasWrittenAndFreedAgain) {
  UsedRig rig;
  erase_all_ahead(rig.store);
  // The whole part twice over, so that each block is used again.
  for (std::uint32_t version = 2; version < 8; ++version) {
    const auto image = random_bytes(400'000, version);
    ASSERT_TRUE(rig.store_image(image, version));
    rig.expect_stored(Slot::Candidate, image);
    ASSERT_TRUE(rig.store.discard(Slot::Candidate));
  }
  rig.expect_no_violations();
}

TEST(EraseAhead, AnEraseThatFailsIsAnErrorAndItsBlockIsNotTrusted) {
  UsedRig rig;
  rig.part.set_stuck_busy(true);
  EXPECT_EQ(rig.store.erase_ahead().error(), Errc::Timeout);
  rig.part.set_stuck_busy(false);
  rig.part.wait(std::chrono::seconds(1));
  ASSERT_TRUE(rig.store_image(kNew, 2));
  rig.expect_stored(Slot::Candidate, kNew);
  rig.expect_no_violations();
}

/// Cuts the power in the erase of the n-th block, or only the host off, and lives on.
void cut_and_live_on(std::uint64_t operation, sim::PowerCut cut) {
  UsedRig rig;
  cut.at_operation = operation;
  rig.part.schedule(cut);
  while (rig.part.usable()) {
    const auto more = rig.store.erase_ahead();
    ASSERT_TRUE(!more || *more) << "the cut would have come later";
  }
  if (!rig.part.powered()) rig.part.power_up();
  rig.part.host_restart();
  EXPECT_EQ(rig.mount(), MountOutcome::Mounted);
  rig.expect_stored(Slot::Current, kOld);
  ASSERT_TRUE(rig.store_image(kNew, 2));
  rig.expect_stored(Slot::Candidate, kNew);
  erase_all_ahead(rig.store);
  rig.expect_stored(Slot::Current, kOld);
  rig.expect_stored(Slot::Candidate, kNew);
  rig.expect_no_violations();
}

TEST(EraseAhead, ACutInAnyOfItsErasesCostsNothing) {
  UsedRig clean;
  const auto erases = static_cast<std::uint64_t>(erase_all_ahead(clean.store));
  ASSERT_EQ(erases, kSmallBlocks - 4);
  for (std::uint64_t cut = 0; cut < erases; ++cut) {
    for (std::uint8_t tear = 0; tear < sim::kEraseTearCount; ++tear) {
      SCOPED_TRACE(::testing::Message()
                   << "cut at block " << cut << ", " << to_text(static_cast<sim::EraseTear>(tear)));
      cut_and_live_on(cut, {.tear_seed = cut + 1, .erase = static_cast<sim::EraseTear>(tear)});
    }
    SCOPED_TRACE(::testing::Message() << "host gone at block " << cut);
    cut_and_live_on(cut, {.host_only = true});
  }
}

}  // namespace
}  // namespace ota::store
