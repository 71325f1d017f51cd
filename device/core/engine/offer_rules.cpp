#include "device/core/engine/offer_rules.hpp"

#include <algorithm>

#include "device/core/engine/blob_url.hpp"

namespace ota::engine {

using contract::Code;

namespace {

bool runs_already(const contract::Offer& offer, const store::Journal& journal,
                  const DeviceFacts& facts) noexcept {
  if (offer.version != journal.mcu_version) return false;
  if (facts.current) {
    return facts.current->version == offer.version && facts.current->sha256 == offer.sha256;
  }
  // The flash lost its images. What the MCU reported then has to do, or losing a flash chip's
  // content would program a whole fleet again.
  return offer.mcu_version == journal.mcu_version_text;
}

}  // namespace

OfferJudgement judge_offer(const contract::Offer& offer, const store::Journal& journal,
                           const DeviceFacts& facts) noexcept {
  const bool other_product =
      !facts.product.empty() && !offer.product.empty() && offer.product != facts.product;
  if (other_product) return {OfferVerdict::Refuse, Code::WrongProduct};
  if (offer.version == 0 || offer.version > contract::kVersionMax || offer.size_bytes == 0) {
    return {OfferVerdict::Refuse, Code::BadOffer};
  }
  const auto agreement = compare_blob_url(offer.url, offer.version, offer.sha256);
  if (agreement == UrlAgreement::Contradicts) return {OfferVerdict::Refuse, Code::BadOffer};
  if (journal.refusal.code != Code::None && journal.refusal.identity == offer.identity()) {
    return {OfferVerdict::Remembered, journal.refusal.code};
  }
  const bool working = journal.phase != contract::Phase::Idle;
  if (working && journal.target == target_of(offer)) return {OfferVerdict::InHand, Code::None};
  // While nobody knows what the MCU runs, the image that was confirmed last still says how far it
  // was.
  const std::uint32_t kept_version = facts.current ? facts.current->version : 0;
  if (offer.version < std::max(journal.mcu_version, kept_version)) {
    return {OfferVerdict::Older, Code::OlderIgnored};
  }
  if (runs_already(offer, journal, facts)) return {OfferVerdict::RunsAlready, Code::None};
  if (offer.size_bytes > facts.candidate_bytes_max) {
    return {OfferVerdict::Refuse, Code::TooLarge};
  }
  return {OfferVerdict::Accept, Code::None};
}

store::Target target_of(const contract::Offer& offer) noexcept {
  return {.identity = offer.identity(),
          .size_bytes = offer.size_bytes,
          .mcu_version = offer.mcu_version};
}

}  // namespace ota::engine
