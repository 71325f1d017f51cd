// Goal: a flash whose bits have rotten, in any place, never stops the program and takes the next
// image. Method: flip random bits of a flash in use, most of them where littlefs keeps metadata and
// pointers, then live on.

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/storage/storage_rig.hpp"

namespace ota::store {
namespace {

using test::identity_of;
using test::random_bytes;
using test::StorageRig;

sim::FlashCells flash_in_use() {
  StorageRig rig;
  rig.mount();
  Journal journal;
  for (std::uint32_t i = 0; i < 5; ++i) {
    journal.mcu_version = i;
    EXPECT_TRUE(rig.store.write_journal(journal));
  }
  EXPECT_TRUE(rig.store_image(random_bytes(200'000, 1), 1));
  EXPECT_TRUE(rig.store.promote());
  EXPECT_TRUE(rig.store_image(random_bytes(100'000, 2), 2));
  return rig.part.cells();
}

/// Uses everything that is there; results do not matter, only that each call ends.
void use_all(Store& store) {
  for (const Slot slot : {Slot::Candidate, Slot::Current}) {
    (void)store.find(slot);
    (void)store.hash(slot);
  }
  (void)store.read_journal();
  (void)store.room_for_candidate(true);
  for (std::uint32_t block = 0; block < sim::kBlockCount; ++block) {
    const auto more = store.erase_ahead();
    if (!more || !*more) break;
  }
}

/// littlefs begins to allocate at a pseudo-random block.
std::vector<std::uint32_t> data_blocks(const sim::FlashCells& cells) {
  std::vector<std::uint32_t> blocks;
  for (std::uint32_t block = 2; block < sim::kBlockCount; ++block) {
    std::array<std::byte, 4> head{};
    cells.read(block * kBlockBytes, head);
    if (head[0] != std::byte{0xFF} || head[3] != std::byte{0xFF}) blocks.push_back(block);
  }
  return blocks;
}

void damage(sim::FlashCells& cells, const std::vector<std::uint32_t>& blocks, Random& random) {
  const std::uint64_t bits = 1 + random.below(8);
  for (std::uint64_t i = 0; i < bits; ++i) {
    // The log of the superblocks; the beginnings of data blocks, where the pointers are; anywhere.
    const std::uint64_t where = random.below(3);
    std::uint64_t address = random.below(sim::kFlashBytes);
    if (where == 0) address = random.below(2) * kBlockBytes + random.below(4096);
    if (where == 1) address = blocks[random.below(blocks.size())] * kBlockBytes + random.below(12);
    cells.flip_bit(static_cast<std::uint32_t>(address), static_cast<unsigned>(random.below(8)));
  }
}

TEST(Damage, NeverKeepsTheNextImageFromBeingStored) {
  const char* const given = std::getenv("OTA_TEST_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 1;
  SplitMix64 random(seed);
  const sim::FlashCells original = flash_in_use();
  const auto blocks = data_blocks(original);
  ASSERT_GE(blocks.size(), 5U);
  const auto image = random_bytes(100'000, 3);
  for (int run = 0; run < 400; ++run) {
    SCOPED_TRACE(::testing::Message() << "run " << run << ", OTA_TEST_SEED=" << seed);
    sim::FlashCells cells = original;
    damage(cells, blocks, random);
    StorageRig rig(std::move(cells));
    rig.mount();
    use_all(rig.store);
    const Status stored = rig.store_image(image, 3);
    ASSERT_TRUE(stored) << to_text(stored.error());
    ASSERT_EQ(rig.store.hash(Slot::Candidate).value(), identity_of(image, 3).sha256);
  }
}

}  // namespace
}  // namespace ota::store
