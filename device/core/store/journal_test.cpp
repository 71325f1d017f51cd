#include "device/core/store/journal.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "base/crc32.hpp"

namespace ota::store {
namespace {

Journal full_journal() {
  Journal journal;
  journal.phase = contract::Phase::Programming;
  journal.resume_phase = contract::Phase::Downloading;
  journal.reason = contract::Code::SasExpired;
  journal.failures = 1;
  journal.interruptions = 2;
  journal.refetches = 3;
  journal.rollback_failures = 4;
  journal.target.identity.version = 70'000;
  journal.target.identity.attempt = 5;
  journal.target.identity.sha256.fill(std::byte{0xA1});
  journal.target.size_bytes = 4'194'304;
  journal.target.mcu_version = "1.2.3-with-all-of-the-48-bytes-that-may-be-here-";
  journal.mcu_version = 69'999;
  journal.mcu_version_text = "1.2.2";
  journal.refusal.identity.version = 68'000;
  journal.refusal.identity.sha256.fill(std::byte{0xB2});
  journal.refusal.code = contract::Code::RolledBack;
  journal.outcome = {.number = 9,
                     .acknowledged = false,
                     .status = contract::StatusWord::Error,
                     .code = contract::Code::McuSilent,
                     .target = 68'000,
                     .attempt = 2};
  return journal;
}

std::vector<std::byte> record_of(const Journal& journal) {
  std::array<std::byte, kJournalBytesMax> out{};
  const std::size_t size = encode_journal(journal, out);
  return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size)};
}

void repair_crc(std::vector<std::byte>& record) {
  const std::size_t at = record.size() - 4;
  store_le32(record.data() + at, crc32(Bytes(record).first(at)));
}

TEST(Journal, ComesBackAsItWasWritten) {
  for (const Journal& journal : {Journal{}, full_journal()}) {
    const auto again = decode_journal(record_of(journal));
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, journal);
  }
}

// These bytes are on flashes in the field: a change here needs a new format version.
TEST(Journal, KeepsTheByteOffsetsOfFormat1) {
  const auto record = record_of(full_journal());
  ASSERT_EQ(record.size(), 224U);
  EXPECT_EQ(text_of(Bytes(record).first(4)), "OTAJ");
  EXPECT_EQ(load_le16(&record[4]), 1U);
  EXPECT_EQ(load_le16(&record[6]), 224U);
  EXPECT_EQ(record[8], std::byte{4});
  EXPECT_EQ(load_le32(&record[16]), 70'000U);
  EXPECT_EQ(load_le32(&record[56]), 4'194'304U);
  EXPECT_EQ(load_le32(&record[104]), 9U);
  EXPECT_EQ(record[168], std::byte{5});
  EXPECT_EQ(text_of(Bytes(record).subspan(169, 5)), "1.2.2");
}

TEST(Journal, AnyChangedBitIsCorrupt) {
  const auto original = record_of(full_journal());
  for (std::size_t bit = 0; bit < 8 * original.size(); ++bit) {
    auto record = original;
    record[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    const auto journal = decode_journal(record);
    ASSERT_FALSE(journal) << "bit " << bit;
    ASSERT_EQ(journal.error(), Errc::Corrupt) << "bit " << bit;
  }
}

TEST(Journal, AnyOtherLengthIsCorrupt) {
  auto record = record_of(full_journal());
  for (std::size_t size = 0; size < record.size(); ++size) {
    ASSERT_EQ(decode_journal(Bytes(record).first(size)).error(), Errc::Corrupt) << size;
  }
  record.push_back(std::byte{0});
  EXPECT_EQ(decode_journal(record).error(), Errc::Corrupt);
  EXPECT_EQ(decode_journal(bytes_of("{\"version\": 3}")).error(), Errc::Corrupt);
}

TEST(Journal, AnotherFormatVersionIsRejectedNotMisread) {
  auto record = record_of(full_journal());
  store_le16(&record[4], 2);
  repair_crc(record);
  EXPECT_EQ(decode_journal(record).error(), Errc::Rejected);
}

TEST(Journal, UnknownEnumeratorsAndLengthsAreCorrupt) {
  struct Case {
    std::size_t offset;
    unsigned value;
  };
  for (const Case& bad :
       {Case{8, contract::kPhaseCount}, Case{9, contract::kPhaseCount},
        Case{10, contract::kCodeCount}, Case{15, contract::kCodeCount}, Case{116, 2}, Case{117, 6},
        Case{118, contract::kCodeCount}, Case{119, 49}, Case{168, 255}}) {
    auto record = record_of(full_journal());
    record[bad.offset] = static_cast<std::byte>(bad.value);
    repair_crc(record);
    const auto journal = decode_journal(record);
    ASSERT_FALSE(journal) << "offset " << bad.offset;
    EXPECT_EQ(journal.error(), Errc::Corrupt) << "offset " << bad.offset;
  }
}

}  // namespace
}  // namespace ota::store
