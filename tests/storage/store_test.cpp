#include "device/core/store/store.hpp"

#include <gtest/gtest.h>

#include "tests/storage/storage_rig.hpp"

namespace ota::store {
namespace {

using test::identity_of;
using test::random_bytes;
using test::StorageRig;

TEST(Store, BlankPartIsFormattedAndThenMounts) {
  StorageRig rig;
  EXPECT_EQ(rig.mount(), MountOutcome::FormattedBlank);
  EXPECT_EQ(rig.mount(), MountOutcome::Mounted);
  EXPECT_EQ(rig.store.find(Slot::Candidate).error(), Errc::NotFound);
  EXPECT_EQ(rig.store.find(Slot::Current).error(), Errc::NotFound);
  EXPECT_EQ(rig.store.read_journal().error(), Errc::NotFound);
  rig.expect_no_violations();
}

TEST(Store, KeepsTheJournal) {
  StorageRig rig;
  rig.mount();
  Journal journal;
  for (std::uint32_t i = 0; i < 100; ++i) {
    journal.mcu_version = i;
    ASSERT_TRUE(rig.store.write_journal(journal));
  }
  rig.mount();
  const auto again = rig.store.read_journal();
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, journal);
  rig.expect_no_violations();
}

TEST(Store, StoresAnImageAndPromotesIt) {
  StorageRig rig;
  rig.mount();
  const auto image = random_bytes(300'000, 1);
  const ImageIdentity identity = identity_of(image, 3);
  ASSERT_EQ(rig.store.open_candidate(identity).value_or(1U), 0U);
  ASSERT_TRUE(rig.append(image, 0, 1460));
  EXPECT_EQ(rig.store.candidate_bytes(), image.size());
  ASSERT_TRUE(rig.store.close_candidate());
  const auto found = rig.store.find(Slot::Candidate);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->complete());
  EXPECT_TRUE(found->identity.same_image(identity));
  EXPECT_EQ(rig.store.hash(Slot::Candidate).value(), identity.sha256);

  ASSERT_TRUE(rig.store.promote());
  rig.mount();
  EXPECT_FALSE(rig.store.find(Slot::Candidate));
  const auto current = rig.store.find(Slot::Current);
  ASSERT_TRUE(current);
  EXPECT_TRUE(current->identity.same_image(identity));
  EXPECT_EQ(current->identity.etag, identity.etag);
  EXPECT_EQ(rig.store.hash(Slot::Current).value(), identity.sha256);
  rig.expect_no_violations();
}

TEST(Store, PromoteReplacesTheOldImageAndItsAttribute) {
  StorageRig rig;
  rig.mount();
  for (std::uint32_t version = 1; version <= 3; ++version) {
    const auto image = random_bytes(100'000 * version, version);
    const ImageIdentity identity = identity_of(image, version);
    ASSERT_TRUE(rig.store_image(image, version));
    ASSERT_TRUE(rig.store.promote());
    const auto current = rig.store.find(Slot::Current);
    ASSERT_TRUE(current);
    EXPECT_TRUE(current->identity.same_image(identity));
    EXPECT_EQ(rig.store.hash(Slot::Current).value(), identity.sha256);
  }
  EXPECT_EQ(rig.store.promote().error(), Errc::NotFound);
}

TEST(Store, ReadsAnywhere) {
  StorageRig rig;
  rig.mount();
  const auto image = random_bytes(200'000, 5);
  ASSERT_TRUE(rig.store_image(image, 1));
  std::array<std::byte, 300> out{};
  for (const std::uint32_t offset : {0U, 300U, 65'500U, 131'000U, 10U, 199'900U}) {
    const auto size = rig.store.read(Slot::Candidate, offset, out);
    ASSERT_TRUE(size);
    ASSERT_EQ(*size, std::min<std::size_t>(300, image.size() - offset));
    EXPECT_TRUE(std::equal(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(*size),
                           image.begin() + offset));
  }
  EXPECT_EQ(rig.store.read(Slot::Candidate, 200'000, out).value_or(1U), 0U);
  EXPECT_EQ(rig.store.read(Slot::Candidate, 200'001, out).error(), Errc::OutOfRange);
  EXPECT_EQ(rig.store.read(Slot::Current, 0, out).error(), Errc::NotFound);
}

TEST(Store, GoesOnWhereAClosedCandidateEnded) {
  StorageRig rig;
  rig.mount();
  const auto image = random_bytes(200'000, 6);
  ImageIdentity identity = identity_of(image, 1);
  ASSERT_TRUE(rig.store.open_candidate(identity));
  ASSERT_TRUE(rig.append(std::span(image).first(70'001), 0, 4096));
  ASSERT_TRUE(rig.store.close_candidate());
  identity.etag = "\"of another offer\"";
  ASSERT_EQ(rig.store.open_candidate(identity).value_or(0U), 70'001U);
  ASSERT_TRUE(rig.append(image, 70'001, 4096));
  ASSERT_TRUE(rig.store.close_candidate());
  EXPECT_EQ(rig.store.hash(Slot::Candidate).value(), identity.sha256);
  EXPECT_EQ(rig.store.find(Slot::Candidate)->identity.etag, identity_of(image, 1).etag)
      << "the ETag stays that of the stored bytes";
}

TEST(Store, AnotherImageBeginsFromZero) {
  StorageRig rig;
  rig.mount();
  ASSERT_TRUE(rig.store_image(random_bytes(100'000, 7), 1));
  const auto image = random_bytes(100'000, 8);
  EXPECT_EQ(rig.store.open_candidate(identity_of(image, 1)).value_or(1U), 0U);
}

TEST(Store, RestartDropsTheBytesAndTakesTheNewEtag) {
  StorageRig rig;
  rig.mount();
  const auto image = random_bytes(150'000, 9);
  ASSERT_TRUE(rig.store.open_candidate(identity_of(image, 1)));
  ASSERT_TRUE(rig.append(std::span(image).first(100'000), 0, 4096));
  ASSERT_TRUE(rig.store.restart_candidate("\"new\""));
  EXPECT_EQ(rig.store.candidate_bytes(), 0U);
  ASSERT_TRUE(rig.append(image, 0, 4096));
  ASSERT_TRUE(rig.store.close_candidate());
  EXPECT_EQ(rig.store.find(Slot::Candidate)->identity.etag, "\"new\"");
  EXPECT_EQ(rig.store.hash(Slot::Candidate).value(), identity_of(image, 1).sha256);
}

TEST(Store, TakesNoByteMoreThanTheImageHas) {
  StorageRig rig;
  rig.mount();
  const auto image = random_bytes(1000, 10);
  ASSERT_TRUE(rig.store.open_candidate(identity_of(image, 1)));
  EXPECT_EQ(rig.store.append(random_bytes(1001, 1)).error(), Errc::OutOfRange);
  EXPECT_TRUE(rig.store.candidate_open());
  ASSERT_TRUE(rig.store.append(image));
  EXPECT_EQ(rig.store.append(random_bytes(1, 1)).error(), Errc::OutOfRange);
}

TEST(Store, SyncsOnBlockBoundariesWithoutCopies) {
  StorageRig rig;
  rig.mount();
  const auto image = random_bytes(1'000'000, 11);
  ASSERT_TRUE(rig.store.open_candidate(identity_of(image, 1)));
  const auto before = rig.part.stats().programs;
  ASSERT_TRUE(rig.append(image, 0, 1460));
  ASSERT_TRUE(rig.store.close_candidate());
  const auto pages = (image.size() + 255) / 256;
  EXPECT_LT(rig.part.stats().programs - before, pages + pages / 50);
}

TEST(Store, SaysHowMuchFits) {
  StorageRig rig;
  rig.mount();
  const auto all = rig.store.room_for_candidate(true);
  ASSERT_TRUE(all);
  EXPECT_GT(*all, 16'500'000U);
  ASSERT_TRUE(rig.store_image(random_bytes(1 << 20, 12), 1));
  ASSERT_TRUE(rig.store.promote());
  EXPECT_LT(rig.store.room_for_candidate(true).value_or(~0U), *all - (1U << 20U));
  EXPECT_EQ(rig.store.room_for_candidate(false).value_or(0U), *all);
  const auto fits = random_bytes(*rig.store.room_for_candidate(true), 13);
  ASSERT_TRUE(rig.store_image(fits, 2)) << "what it says fits, fits";
  EXPECT_EQ(rig.store.hash(Slot::Candidate).value(), identity_of(fits, 2).sha256);
}

TEST(Store, FullPartIsNoSpaceAndEndsTheFile) {
  StorageRig rig;
  rig.mount();
  ASSERT_TRUE(rig.store_image(random_bytes(9'000'000, 14), 1));
  ASSERT_TRUE(rig.store.promote());
  const auto image = random_bytes(9'000'000, 15);
  ASSERT_TRUE(rig.store.open_candidate(identity_of(image, 2)));
  EXPECT_EQ(rig.append(image, 0, 4096).error(), Errc::NoSpace);
  EXPECT_FALSE(rig.store.candidate_open());
  ASSERT_TRUE(rig.store.discard(Slot::Current));
  const auto from = rig.store.open_candidate(identity_of(image, 2));
  ASSERT_TRUE(from);
  EXPECT_GT(*from, 7'000'000U) << "what was synced is still there";
  ASSERT_TRUE(rig.append(image, *from, 4096));
  ASSERT_TRUE(rig.store.close_candidate());
  EXPECT_EQ(rig.store.hash(Slot::Candidate).value(), identity_of(image, 2).sha256);
}

TEST(Store, FlashThatFailsIsAnErrorAndGoesOnAfterwards) {
  StorageRig rig;
  rig.mount();
  const auto image = random_bytes(200'000, 16);
  ASSERT_TRUE(rig.store.open_candidate(identity_of(image, 1)));
  ASSERT_TRUE(rig.append(std::span(image).first(100'000), 0, 4096));
  rig.part.set_stuck_busy(true);
  const Status failed = rig.append(image, 100'000, 4096);
  ASSERT_FALSE(failed);
  EXPECT_TRUE(failed.error() == Errc::Timeout || failed.error() == Errc::Busy);
  EXPECT_FALSE(rig.store.candidate_open());
  EXPECT_EQ(rig.store.mount().error(), Errc::Timeout) << "never formatted for that";
  rig.part.set_stuck_busy(false);
  EXPECT_EQ(rig.mount(), MountOutcome::Mounted);
  const auto from = rig.store.open_candidate(identity_of(image, 1));
  ASSERT_TRUE(from);
  EXPECT_GE(*from, 65'536U);
  ASSERT_TRUE(rig.append(image, *from, 4096));
  ASSERT_TRUE(rig.store.close_candidate());
  EXPECT_EQ(rig.store.hash(Slot::Candidate).value(), identity_of(image, 1).sha256);
}

TEST(Store, BadSectorIsAvoided) {
  StorageRig rig;
  rig.mount();
  for (std::uint32_t block = 2; block < 256; block += 5)
    rig.part.break_sector(block * 65536 + 8192);
  const auto image = random_bytes(2'000'000, 17);
  ASSERT_TRUE(rig.store_image(image, 1));
  EXPECT_EQ(rig.store.hash(Slot::Candidate).value(), identity_of(image, 1).sha256);
}

TEST(Store, DamagedSuperblocksAreFormattedAndReported) {
  StorageRig rig;
  rig.mount();
  ASSERT_TRUE(rig.store_image(random_bytes(100'000, 18), 1));
  for (const std::uint32_t block : {0U, 1U}) {
    for (std::uint32_t at = 0; at < 4096; at += 64)
      rig.part.cells().flip_bit(block * 65536 + at, 3);
  }
  EXPECT_EQ(rig.mount(), MountOutcome::FormattedCorrupt);
  EXPECT_FALSE(rig.store.find(Slot::Candidate));
  EXPECT_TRUE(rig.store_image(random_bytes(100'000, 18), 1));
}

/// Until the part is started again, what is read of a range is wrong on the wire.
class BadContact final : public flash::NorFlash {
 public:
  BadContact(flash::NorFlash& flash, std::uint32_t begin, std::uint32_t end)
      : flash_(flash), begin_(begin), end_(end) {}
  flash::Geometry geometry() const noexcept override { return flash_.geometry(); }

 private:
  Status do_start() noexcept override {
    ++starts_;
    return flash_.start();
  }
  Status do_read(std::uint32_t address, MutableBytes out) noexcept override {
    OTA_TRY(flash_.read(address, out));
    if (starts_ == 1 && address >= begin_ && address < end_) out[3] ^= std::byte{0x10};
    return Ok{};
  }
  Status do_program(std::uint32_t address, Bytes data) noexcept override {
    return flash_.program(address, data);
  }
  Status do_erase_unit(std::uint32_t address, std::uint32_t unit_bytes) noexcept override {
    return flash_.erase(address, unit_bytes);
  }
  flash::NorFlash& flash_;
  std::uint32_t begin_;
  std::uint32_t end_;
  int starts_ = 0;
};

void expect_bad_contact_costs_nothing(std::uint32_t begin, std::uint32_t end) {
  StorageRig rig;
  rig.mount();
  const auto image = random_bytes(200'000, 18);
  ASSERT_TRUE(rig.store_image(image, 1));
  ASSERT_TRUE(rig.store.promote());
  ASSERT_TRUE(rig.store_image(image, 2));
  BadContact contact(rig.driver, begin, end);
  Store store(contact);
  EXPECT_EQ(store.mount().value(), MountOutcome::Mounted);
  for (const Slot slot : {Slot::Current, Slot::Candidate}) {
    const auto hash = store.hash(slot);
    ASSERT_TRUE(hash) << to_text(hash.error());
    EXPECT_EQ(*hash, sha256(image));
  }
}

TEST(Store, ABadReadDuringTheMountCostsNothing) {
  expect_bad_contact_costs_nothing(0, 2 * kBlockBytes);
}

TEST(Store, ABadReadOfAListOfBlocksCostsNoImage) {
  expect_bad_contact_costs_nothing(2 * kBlockBytes, sim::kFlashBytes);
}

TEST(Store, AShorterRecordLeavesNoTailOfALongerOne) {
  StorageRig rig;
  rig.mount();
  Volume volume(rig.driver);
  ASSERT_TRUE(volume.mount());
  File file;
  ASSERT_TRUE(file.open(volume, "journal", File::Mode::Replace));
  ASSERT_TRUE(file.write(random_bytes(kJournalBytesMax, 20)));
  ASSERT_TRUE(file.close());
  rig.mount();
  EXPECT_EQ(rig.store.read_journal().error(), Errc::Corrupt);
  Journal journal;
  journal.mcu_version = 9;
  ASSERT_TRUE(rig.store.write_journal(journal));
  rig.mount();
  const auto again = rig.store.read_journal();
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, journal);
}

TEST(Store, ForeignDataIsFormattedAndReported) {
  StorageRig rig;
  rig.part.cells().overwrite(0x300000, random_bytes(1000, 19));
  EXPECT_EQ(rig.mount(), MountOutcome::FormattedCorrupt);
}

TEST(Store, MissingPartIsNeverFormatted) {
  StorageRig rig;
  rig.part.set_missing(true);
  EXPECT_EQ(rig.store.mount().error(), Errc::NoDevice);
  EXPECT_EQ(rig.store.write_journal({}).error(), Errc::Io);
  EXPECT_EQ(rig.part.operations(), 0U);
}

}  // namespace
}  // namespace ota::store
