// An offer that is accepted can be written and read back as the same one; a refused one names a
// reason. What the rules then take fits the device: its product, its room, and a newer version.

#include <cstdint>
#include <cstdlib>

#include "base/bytes.hpp"
#include "contract/json/offer_json.hpp"
#include "contract/json/report_json.hpp"
#include "device/core/engine/offer_rules.hpp"
#include "fuzz/require.hpp"

namespace {

using namespace ota;

void judge(const contract::Offer& offer) {
  constexpr std::uint32_t kRoomBytes = 1'000'000;
  store::Journal journal;
  journal.mcu_version = 5;
  const engine::DeviceFacts facts{.product = "p", .candidate_bytes_max = kRoomBytes};
  const auto judgement = engine::judge_offer(offer, journal, facts);
  if (judgement.verdict == engine::OfferVerdict::Refuse)
    fuzz::require(judgement.code != contract::Code::None);
  if (judgement.verdict != engine::OfferVerdict::Accept) return;
  fuzz::require(offer.size_bytes <= kRoomBytes && offer.version >= journal.mcu_version);
  fuzz::require(offer.product.empty() || offer.product.view() == facts.product);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = text_of(std::as_bytes(std::span(data, size)));
  (void)contract::parse_report(text);  // tolerant: must only not crash
  const auto offer = contract::parse_offer(text);
  if (!offer) {
    if (offer.error().detail.empty()) std::abort();
    return 0;
  }
  judge(offer.value());
  const auto again = contract::parse_offer(contract::encode_offer(offer.value()));
  if (!again || again.value() != offer.value()) std::abort();
  return 0;
}
