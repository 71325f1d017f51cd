#pragma once

// Which offers are taken. Nothing is erased, and no byte is asked for, before these rules said yes.

#include <cstdint>
#include <optional>
#include <string_view>

#include "contract/offer.hpp"
#include "contract/status.hpp"
#include "device/core/store/journal.hpp"

namespace ota::engine {

enum class OfferVerdict : std::uint8_t {
  Accept,       // new work
  InHand,       // the work in hand; its address or token may be new
  RunsAlready,  // the MCU runs exactly this image
  Older,        // the MCU runs a newer version: noted, nothing changes
  Refuse,       // cannot be taken, whatever the device tries
  Remembered,   // failed for good before: the same answer again, without work
};

struct OfferJudgement {
  OfferVerdict verdict = OfferVerdict::Accept;
  contract::Code code = contract::Code::None;

  friend constexpr bool operator==(const OfferJudgement&, const OfferJudgement&) noexcept = default;
};

/// The confirmed image on the flash.
struct CurrentImage {
  std::uint32_t version = 0;
  Digest sha256{};
};

/// What the device knows when an offer comes.
struct DeviceFacts {
  std::string_view product = {};          // empty: any product is accepted
  std::uint32_t candidate_bytes_max = 0;  // room on the flash if even the current image goes
  std::optional<CurrentImage> current = {};
};

OfferJudgement judge_offer(const contract::Offer& offer, const store::Journal& journal,
                           const DeviceFacts& facts) noexcept;

store::Target target_of(const contract::Offer& offer) noexcept;

}  // namespace ota::engine
