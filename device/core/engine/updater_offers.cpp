#include "device/core/engine/explain.hpp"
#include "device/core/engine/updater.hpp"

namespace ota::engine {

void Updater::offer(const contract::Offer& offer) noexcept {
  message_.kind = MessageKind::Offer;
  message_.offer = offer;
}

void Updater::refuse(Code code, std::uint32_t version, std::uint32_t attempt,
                     std::string_view detail) noexcept {
  message_.kind = MessageKind::Refused;
  message_.offer = {};
  message_.offer.version = version;
  message_.offer.attempt = attempt;
  message_.code = code;
  message_.detail.assign_truncated(detail);
}

void Updater::withdraw() noexcept { message_.kind = MessageKind::Withdrawn; }

Result<DeviceFacts> Updater::facts() noexcept {
  DeviceFacts facts{.product = settings_.product};
  const auto current = store_.find(store::Slot::Current);
  if (!current && current.error() != Errc::NotFound) return current.error();
  if (current && current->complete()) {
    facts.current =
        CurrentImage{.version = current->identity.version, .sha256 = current->identity.sha256};
  }
  OTA_TRY(facts.candidate_bytes_max, store_.room_for_candidate(false));
  return facts;
}

bool Updater::outcome_says(StatusWord status, Code code,
                           const store::Target& target) const noexcept {
  const store::Outcome& outcome = journal_.outcome;
  return journal_.phase == Phase::Idle && outcome.status == status && outcome.code == code &&
         outcome.target == target.identity.version && outcome.attempt == target.identity.attempt;
}

// Returns false, and keeps the message for later, while the MCU is in our hands.
bool Updater::take_event(const Event& event) noexcept {
  if (!takes(journal_, event.kind)) return false;
  apply(event);
  // With the flash lost on the way nothing is durable yet, and the message has to be taken again.
  if (!storage_lost_) message_.kind = MessageKind::None;
  return true;
}

// The twin wants no new image, but the MCU has none to run: it gets its previous one back, and the
// message is taken after that.
void Updater::free_mcu() noexcept {
  if (takes(journal_, EventKind::Withdrawn)) apply({.kind = EventKind::Withdrawn});
}

void Updater::take_refusal(Code code, const store::Target& target) noexcept {
  if (outcome_says(StatusWord::Error, code, target)) {
    message_.kind = MessageKind::None;
    return report_outcome();
  }
  if (!takes(journal_, EventKind::OfferRefused)) return free_mcu();
  const bool parsed = message_.kind == MessageKind::Offer;
  refusal_detail_ = parsed ? FixedText<contract::kDetailBytesMax>() : message_.detail;
  offer_.reset();
  (void)take_event({.kind = EventKind::OfferRefused, .code = code, .target = target});
}

void Updater::take_running(const store::Target& target) noexcept {
  if (outcome_says(StatusWord::Applied, Code::None, target)) {
    message_.kind = MessageKind::None;
    return report_outcome();
  }
  if (!take_event({.kind = EventKind::OfferRunsAlready, .target = target})) return free_mcu();
  offer_.reset();
}

// The same offer again: after a reconnect, after a restart, or with a new token.
void Updater::take_same_work() noexcept {
  const bool known = offer_.has_value();
  const bool renewed =
      !known || offer_->url != message_.offer.url || offer_->sas != message_.offer.sas;
  offer_ = message_.offer;
  message_.kind = MessageKind::None;
  if (renewed && takes(journal_, EventKind::OfferRenewed)) {
    not_before_ = clock_.now();
    apply({.kind = EventKind::OfferRenewed});
  }
  if (known) report_state();
}

void Updater::take_offer() noexcept {
  const store::Target target = target_of(message_.offer);
  const auto known = facts();
  if (!known) return lose_storage();  // The offer waits; a failing flash must not refuse it.
  const OfferJudgement judgement = judge_offer(message_.offer, journal_, *known);
  switch (judgement.verdict) {
    case OfferVerdict::Accept:
      if (!takes(journal_, EventKind::OfferAccepted)) return;
      offer_ = message_.offer;
      refusal_detail_.clear();
      (void)take_event({.kind = EventKind::OfferAccepted, .target = target});
      return;
    case OfferVerdict::InHand:
      return take_same_work();
    case OfferVerdict::RunsAlready:
      return take_running(target);
    case OfferVerdict::Older: {
      // The twin does not ask for the work in hand any more.
      const bool working = journal_.phase != Phase::Idle;
      if (working && !take_event({.kind = EventKind::Withdrawn})) return;
      message_.kind = MessageKind::None;
      contract::Report report = current_report();
      report.code = judgement.code;
      report.detail = explain(judgement.code);
      reports_.report(report, 0);
      return;
    }
    case OfferVerdict::Refuse:
    case OfferVerdict::Remembered:
      return take_refusal(judgement.code, target);
  }
}

void Updater::take_message() noexcept {
  switch (message_.kind) {
    case MessageKind::None:
      return;
    case MessageKind::Offer:
      return take_offer();
    case MessageKind::Refused:
      return take_refusal(message_.code, target_of(message_.offer));
    case MessageKind::Withdrawn:
      if (take_event({.kind = EventKind::Withdrawn})) offer_.reset();
      return;
  }
}

}  // namespace ota::engine
