#include "device/host/agent/update_loop.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "contract/json/offer_json.hpp"

namespace ota::agent {

void UpdateLoop::run() {
  parts_.updater.start();
  std::optional<Instant> due = parts_.clock.now();
  for (;;) {
    std::optional<Duration> wait;
    if (due) wait = std::max(Duration(0), *due - parts_.clock.now());
    const UpdateInbox::Mail mail = parts_.inbox.take(wait);
    if (mail.stop) break;
    for (const std::uint32_t number : mail.acknowledged) parts_.updater.acknowledged(number);
    if (mail.wish) deliver(*mail.wish);
    due = parts_.updater.run(parts_.inbox.cancel());
    tell_unexpected();
    after_step_();
  }
  if (parts_.store.candidate_open()) {
    if (const auto closed = parts_.store.close_candidate(); !closed) {
      spdlog::warn("update: the candidate could not be closed: {}", to_text(closed.error()));
    }
  }
}

void UpdateLoop::tell_unexpected() {
  const std::uint32_t count = parts_.updater.unexpected_events();
  if (count == unexpected_events_) return;
  unexpected_events_ = count;
  spdlog::error("update: an event did not belong to its phase ({} since the start): a bug", count);
}

void UpdateLoop::deliver(const net::Wish& wish) {
  if (!wish.offer) {
    parts_.events.write("withdrawn");
    return parts_.updater.withdraw();
  }
  const auto offer = contract::parse_offer(*wish.offer);
  if (!offer) {
    const contract::OfferError& error = offer.error();
    spdlog::warn("update: {}", error.detail);
    return parts_.updater.refuse(error.code, error.version, error.attempt, error.detail);
  }
  parts_.events.write("offer", {{"version", std::uint64_t{offer->version}}});
  parts_.meter.begin(offer->identity());
  parts_.updater.offer(*offer);
}

}  // namespace ota::agent
