#include "device/core/store/journal.hpp"

#include <algorithm>

#include "base/crc32.hpp"

namespace ota::store {
namespace {

constexpr std::uint32_t kMagic = 0x4A41544F;  // "OTAJ", little-endian
constexpr std::uint16_t kFormat = 1;

// Byte offsets of format 1, as in docs/formats/journal.md.
namespace at {
constexpr std::size_t kMagic = 0;
constexpr std::size_t kFormat = 4;
constexpr std::size_t kLength = 6;
constexpr std::size_t kPhase = 8;
constexpr std::size_t kResumePhase = 9;
constexpr std::size_t kReason = 10;
constexpr std::size_t kFailures = 11;
constexpr std::size_t kInterruptions = 12;
constexpr std::size_t kRefetches = 13;
constexpr std::size_t kRollbackFailures = 14;
constexpr std::size_t kRefusalCode = 15;
constexpr std::size_t kTargetIdentity = 16;
constexpr std::size_t kTargetSize = 56;
constexpr std::size_t kMcuVersion = 60;
constexpr std::size_t kRefusalIdentity = 64;
constexpr std::size_t kOutcomeNumber = 104;
constexpr std::size_t kOutcomeTarget = 108;
constexpr std::size_t kOutcomeAttempt = 112;
constexpr std::size_t kOutcomeAcknowledged = 116;
constexpr std::size_t kOutcomeStatus = 117;
constexpr std::size_t kOutcomeCode = 118;
constexpr std::size_t kTargetMcuVersion = 119;
constexpr std::size_t kMcuVersionText = 168;
constexpr std::size_t kCrc = 220;
}  // namespace at
constexpr std::size_t kRecordBytes = 224;
constexpr std::size_t kHeaderBytes = 8;
constexpr std::size_t kCrcBytes = 4;
static_assert(kRecordBytes <= kJournalBytesMax);
static_assert(at::kMcuVersionText + 1 + contract::kMcuVersionBytesMax <= at::kCrc);

using VersionText = FixedText<contract::kMcuVersionBytesMax>;

void put_identity(std::byte* out, const contract::Identity& identity) noexcept {
  store_le32(out, identity.version);
  store_le32(out + 4, identity.attempt);
  std::copy(identity.sha256.begin(), identity.sha256.end(), out + 8);
}

contract::Identity get_identity(const std::byte* in) noexcept {
  contract::Identity identity;
  identity.version = load_le32(in);
  identity.attempt = load_le32(in + 4);
  std::copy_n(in + 8, identity.sha256.size(), identity.sha256.begin());
  return identity;
}

/// A length byte, then the text, then zeros.
void put_text(std::byte* out, const VersionText& text) noexcept {
  out[0] = static_cast<std::byte>(text.size());
  const Bytes bytes = bytes_of(text.view());
  std::copy(bytes.begin(), bytes.end(), out + 1);
}

bool get_text(const std::byte* in, VersionText& text) noexcept {
  const auto size = std::to_integer<std::size_t>(in[0]);
  return size <= VersionText::capacity && text.assign(text_of({in + 1, size}));
}

/// Bytes become enumerators only inside the range that this program knows.
template <class Enum>
bool get_enum(std::byte in, std::uint8_t count, Enum& out) noexcept {
  const auto value = std::to_integer<std::uint8_t>(in);
  if (value >= count) return false;
  out = static_cast<Enum>(value);
  return true;
}

constexpr auto kStatusWordCount = static_cast<std::uint8_t>(contract::StatusWord::Error) + 1;

}  // namespace

std::size_t encode_journal(const Journal& journal,
                           std::span<std::byte, kJournalBytesMax> out) noexcept {
  std::byte* const to = out.data();
  std::fill_n(to, kRecordBytes, std::byte{0});
  store_le32(to + at::kMagic, kMagic);
  store_le16(to + at::kFormat, kFormat);
  store_le16(to + at::kLength, static_cast<std::uint16_t>(kRecordBytes));
  to[at::kPhase] = static_cast<std::byte>(journal.phase);
  to[at::kResumePhase] = static_cast<std::byte>(journal.resume_phase);
  to[at::kReason] = static_cast<std::byte>(journal.reason);
  to[at::kFailures] = std::byte{journal.failures};
  to[at::kInterruptions] = std::byte{journal.interruptions};
  to[at::kRefetches] = std::byte{journal.refetches};
  to[at::kRollbackFailures] = std::byte{journal.rollback_failures};
  to[at::kRefusalCode] = static_cast<std::byte>(journal.refusal.code);
  put_identity(to + at::kTargetIdentity, journal.target.identity);
  store_le32(to + at::kTargetSize, journal.target.size_bytes);
  store_le32(to + at::kMcuVersion, journal.mcu_version);
  put_identity(to + at::kRefusalIdentity, journal.refusal.identity);
  store_le32(to + at::kOutcomeNumber, journal.outcome.number);
  store_le32(to + at::kOutcomeTarget, journal.outcome.target);
  store_le32(to + at::kOutcomeAttempt, journal.outcome.attempt);
  to[at::kOutcomeAcknowledged] = std::byte{journal.outcome.acknowledged};
  to[at::kOutcomeStatus] = static_cast<std::byte>(journal.outcome.status);
  to[at::kOutcomeCode] = static_cast<std::byte>(journal.outcome.code);
  put_text(to + at::kTargetMcuVersion, journal.target.mcu_version);
  put_text(to + at::kMcuVersionText, journal.mcu_version_text);
  store_le32(to + at::kCrc, crc32({to, at::kCrc}));
  return kRecordBytes;
}

Result<Journal> decode_journal(Bytes record) noexcept {
  if (record.size() < kHeaderBytes + kCrcBytes) return Errc::Corrupt;
  const std::byte* const in = record.data();
  if (load_le32(in + at::kMagic) != kMagic) return Errc::Corrupt;
  const std::size_t length = load_le16(in + at::kLength);
  if (length != record.size()) return Errc::Corrupt;
  if (load_le32(in + length - kCrcBytes) != crc32({in, length - kCrcBytes})) return Errc::Corrupt;
  if (load_le16(in + at::kFormat) != kFormat) return Errc::Rejected;
  if (length != kRecordBytes) return Errc::Corrupt;

  Journal journal;
  bool valid = get_enum(in[at::kPhase], contract::kPhaseCount, journal.phase);
  valid &= get_enum(in[at::kResumePhase], contract::kPhaseCount, journal.resume_phase);
  valid &= get_enum(in[at::kReason], contract::kCodeCount, journal.reason);
  valid &= get_enum(in[at::kRefusalCode], contract::kCodeCount, journal.refusal.code);
  valid &= get_enum(in[at::kOutcomeStatus], kStatusWordCount, journal.outcome.status);
  valid &= get_enum(in[at::kOutcomeCode], contract::kCodeCount, journal.outcome.code);
  valid &= get_enum(in[at::kOutcomeAcknowledged], 2, journal.outcome.acknowledged);
  valid &= get_text(in + at::kTargetMcuVersion, journal.target.mcu_version);
  valid &= get_text(in + at::kMcuVersionText, journal.mcu_version_text);
  if (!valid) return Errc::Corrupt;
  journal.failures = std::to_integer<std::uint8_t>(in[at::kFailures]);
  journal.interruptions = std::to_integer<std::uint8_t>(in[at::kInterruptions]);
  journal.refetches = std::to_integer<std::uint8_t>(in[at::kRefetches]);
  journal.rollback_failures = std::to_integer<std::uint8_t>(in[at::kRollbackFailures]);
  journal.target.identity = get_identity(in + at::kTargetIdentity);
  journal.target.size_bytes = load_le32(in + at::kTargetSize);
  journal.mcu_version = load_le32(in + at::kMcuVersion);
  journal.refusal.identity = get_identity(in + at::kRefusalIdentity);
  journal.outcome.number = load_le32(in + at::kOutcomeNumber);
  journal.outcome.target = load_le32(in + at::kOutcomeTarget);
  journal.outcome.attempt = load_le32(in + at::kOutcomeAttempt);
  return journal;
}

}  // namespace ota::store
