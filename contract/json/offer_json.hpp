#pragma once

// JSON form of an offer (docs/formats/twin.md). Unknown keys are ignored; a missing key or a wrong
// type is an error with a reason, never a crash.

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "contract/offer.hpp"
#include "contract/status.hpp"

namespace ota::contract {

/// Why an offer was not understood. `version` and `attempt` are what could be read of them, so that
/// the report can name its target.
struct OfferError {
  Code code = Code::BadOffer;
  std::uint32_t version = 0;
  std::uint32_t attempt = 0;
  std::string detail;  // one sentence, without the token
};

/// Reads the value of the desired property `extFwInfo` (a JSON object as text).
Result<Offer, OfferError> parse_offer(std::string_view json);

/// Writes an offer; parse_offer() reads back the same one.
std::string encode_offer(const Offer& offer);

}  // namespace ota::contract
