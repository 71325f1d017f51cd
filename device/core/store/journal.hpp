#pragma once

// The journal: what the update engine must know after any restart. One record of at most 512 bytes,
// written whole, with magic, format version and CRC-32. Byte offsets: docs/formats/journal.md. No
// URL and no token is ever in it.

#include <cstdint>

#include "base/bytes.hpp"
#include "base/fixed_text.hpp"
#include "base/result.hpp"
#include "base/sha256.hpp"
#include "contract/limits.hpp"
#include "contract/offer.hpp"
#include "contract/status.hpp"

namespace ota::store {

inline constexpr std::size_t kJournalBytesMax = 512;

/// The image that is being worked on; all zero while there is none.
struct Target {
  contract::Identity identity;
  std::uint32_t size_bytes = 0;
  FixedText<contract::kMcuVersionBytesMax> mcu_version;

  friend constexpr bool operator==(const Target&, const Target&) noexcept = default;
};

/// A final failure of one identity: the same offer answers this again, without work.
struct Refusal {
  contract::Identity identity;
  contract::Code code = contract::Code::None;  // None: nothing is refused

  friend constexpr bool operator==(const Refusal&, const Refusal&) noexcept = default;
};

/// The last outcome, sent again until the hub has acknowledged it. `number` grows with each
/// outcome.
struct Outcome {
  std::uint32_t number = 0;
  bool acknowledged = true;
  contract::StatusWord status = contract::StatusWord::None;
  contract::Code code = contract::Code::None;
  std::uint32_t target = 0;
  std::uint32_t attempt = 0;

  friend constexpr bool operator==(const Outcome&, const Outcome&) noexcept = default;
};

struct Journal {
  contract::Phase phase = contract::Phase::Idle;
  contract::Phase resume_phase = contract::Phase::Idle;  // where Waiting goes on
  contract::Code reason = contract::Code::None;          // why it waits
  std::uint8_t failures = 0;                             // programmings that failed
  std::uint8_t interruptions = 0;                        // programmings that a restart cut short
  std::uint8_t refetches = 0;                            // downloads whose hash was wrong
  std::uint8_t rollback_failures = 0;
  Target target;
  std::uint32_t mcu_version = 0;  // what the MCU runs, as far as confirmed; 0: the factory image
  FixedText<contract::kMcuVersionBytesMax> mcu_version_text;
  Refusal refusal;
  Outcome outcome;

  friend constexpr bool operator==(const Journal&, const Journal&) noexcept = default;
};

/// Writes the record. Returns the bytes used, at most kJournalBytesMax.
std::size_t encode_journal(const Journal& journal,
                           std::span<std::byte, kJournalBytesMax> out) noexcept;

/// Errors: Corrupt (magic, length, CRC, an enumerator out of range), Rejected (a format version
/// that this program does not know).
Result<Journal> decode_journal(Bytes record) noexcept;

}  // namespace ota::store
