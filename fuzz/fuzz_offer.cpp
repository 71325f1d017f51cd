// An offer that is accepted can be written and read back as the same one; a refused one names a
// reason.

#include <cstdint>
#include <cstdlib>

#include "base/bytes.hpp"
#include "contract/json/offer_json.hpp"
#include "contract/json/report_json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ota;
  const std::string_view text = text_of(std::as_bytes(std::span(data, size)));
  (void)contract::parse_report(text);  // tolerant: must only not crash
  const auto offer = contract::parse_offer(text);
  if (!offer) {
    if (offer.error().detail.empty()) std::abort();
    return 0;
  }
  const auto again = contract::parse_offer(contract::encode_offer(offer.value()));
  if (!again || again.value() != offer.value()) std::abort();
  return 0;
}
