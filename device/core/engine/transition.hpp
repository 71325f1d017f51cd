#pragma once

// What follows from an event: the next journal and the next piece of work. Pure: no clock, no input
// or output, so that every pair of phase and event is a test without hardware. The full table:
// docs/engine-transitions.md, written and compared by the test engine.transition_table.

#include <cstdint>

#include "contract/status.hpp"
#include "device/core/store/journal.hpp"

namespace ota::engine {

using contract::Code;
using contract::Phase;
using contract::StatusWord;
using store::Journal;

/// Programmings of one image that may fail before the previous one is brought back.
inline constexpr std::uint8_t kFailuresMax = 3;
/// Restarts in the middle of programming before the device waits: something pulls its power down.
inline constexpr std::uint8_t kInterruptionsMax = 20;
/// Downloads that may be repeated because the hash of what arrived was wrong.
inline constexpr std::uint8_t kRefetchesMax = 2;

/// What happened.
enum class EventKind : std::uint8_t {
  Restarted,         // the journal was read after a start, or after the flash was lost and found
  OfferAccepted,     // `target` is to be brought onto the MCU
  OfferRenewed,      // the work in hand got a new address or token
  OfferRefused,      // `code`: the offer cannot be taken; the twin asks for nothing else any more
  OfferRunsAlready,  // the MCU runs what the offer asks for
  Withdrawn,         // the twin asks for nothing any more
  SizeReached,       // every byte of the candidate is on the flash
  Blocked,           // `code`: going on needs something that is not there; keep the work and wait
  DoesNotFit,        // the flash is full, and the candidate was deleted
  HashRight,
  HashWrong,         // and the candidate was deleted
  CandidateMissing,  // absent, incomplete, or another image
  Programmed,        // the programmer says done
  ProgramFailed,
  McuReportsTarget,
  McuSilent,        // it did not report the wanted version within confirm_timeout
  NotPromoted,      // after a restart: the candidate is still the candidate
  Promoted,         // the candidate is the current image
  PreviousMissing,  // there is no intact image to go back to
  PreviousProgrammed,
  PreviousFailed,  // programmed without success, or the MCU does not report it
  PreviousRuns,    // `target` is the previous image

  DeadlinePassed,  // the time that this phase may take is over
};
inline constexpr std::uint8_t kEventKindCount = 23;

struct Event {
  EventKind kind = EventKind::Restarted;
  Code code = Code::None;
  store::Target target = {};
};

/// What to do next. Each is idempotent: after a power cut it runs again.
enum class Effect : std::uint8_t {
  Rest,             // nothing until a message or a deadline
  Download,         // bring the missing bytes of the candidate
  Verify,           // hash the candidate on the flash
  Program,          // bring the stored target onto the MCU
  AskMcu,           // which version does it run?
  CheckPromotion,   // after a restart: was the candidate renamed already?
  Promote,          // rename the candidate to current
  ProgramPrevious,  // verify the current image, then bring it onto the MCU
  AskPrevious,      // does the MCU run the current image?
  Unexpected,       // the event does not belong to the phase: counted, nothing changes
};

struct Step {
  Journal next;
  Effect effect = Effect::Rest;
};

/// True from the first programming of the target until its outcome: the MCU may be erased.
constexpr bool mcu_in_our_hands(const Journal& journal) noexcept {
  const Phase phase = journal.phase == Phase::Waiting ? journal.resume_phase : journal.phase;
  return phase == Phase::Programming || phase == Phase::Confirming || phase == Phase::RollingBack ||
         journal.failures > 0 || journal.interruptions > 0;
}

/// While the MCU is in our hands only another image may take over, and never in the middle of
/// programming. A withdrawal is taken if the new image is not there yet: then the previous one
/// comes back. Anything else the twin says has to wait.
constexpr bool takes(const Journal& journal, EventKind offer_event) noexcept {
  if (!mcu_in_our_hands(journal)) return true;
  const Phase phase = journal.phase == Phase::Waiting ? journal.resume_phase : journal.phase;
  switch (journal.phase) {
    case Phase::Programming:
    case Phase::Confirming:
    case Phase::RollingBack:
      return false;
    case Phase::Idle:
    case Phase::Waiting:
    case Phase::Downloading:
    case Phase::Verifying:
      break;
  }
  if (offer_event == EventKind::Withdrawn) return phase == Phase::Downloading;
  return offer_event == EventKind::OfferAccepted || offer_event == EventKind::OfferRenewed;
}

namespace detail {

constexpr Step to(Journal journal, Phase phase, Effect effect) noexcept {
  journal.phase = phase;
  return {journal, effect};
}

constexpr Step unexpected(const Journal& journal) noexcept { return {journal, Effect::Unexpected}; }

constexpr Step wait(Journal journal, Phase resume_phase, Code reason) noexcept {
  journal.resume_phase = resume_phase;
  journal.reason = reason;
  return to(journal, Phase::Waiting, Effect::Rest);
}

/// Ends the work in hand with an outcome, which is repeated until the hub has it.
constexpr Step finish(Journal journal, StatusWord status, Code code,
                      const store::Target& of) noexcept {
  journal.outcome = {.number = journal.outcome.number + 1,
                     .acknowledged = false,
                     .status = status,
                     .code = code,
                     .target = of.identity.version,
                     .attempt = of.identity.attempt};
  journal.resume_phase = Phase::Idle;
  journal.reason = Code::None;
  journal.failures = journal.interruptions = journal.refetches = journal.rollback_failures = 0;
  journal.target = {};
  return to(journal, Phase::Idle, Effect::Rest);
}

/// Ends the work in hand for good: the same offer answers this again, until its attempt is raised.
constexpr Step refuse(Journal journal, Code code) noexcept {
  journal.refusal = {.identity = journal.target.identity, .code = code};
  return finish(journal, StatusWord::Error, code, journal.target);
}

/// Ends the work in hand without the new image. An MCU that may be erased gets its old one first.
constexpr Step give_up(Journal journal, Code code) noexcept {
  if (!mcu_in_our_hands(journal)) return refuse(journal, code);
  journal.reason = code;
  journal.interruptions = 0;
  return to(journal, Phase::RollingBack, Effect::ProgramPrevious);
}

/// The new image does not run. It is verified again before it is programmed again.
constexpr Step program_again(Journal journal, Code code) noexcept {
  ++journal.failures;
  if (journal.failures >= kFailuresMax) return give_up(journal, code);
  return to(journal, Phase::Verifying, Effect::Verify);
}

constexpr Step begin(Journal journal, const store::Target& target) noexcept {
  const bool mcu_is_erased = mcu_in_our_hands(journal);
  if (mcu_is_erased) {
    // Nobody knows what the MCU runs until the new image is confirmed.
    journal.mcu_version = 0;
    journal.mcu_version_text = {};
  }
  if (journal.phase == Phase::Waiting && journal.resume_phase == Phase::RollingBack) {
    journal.refusal = {.identity = journal.target.identity, .code = Code::RollbackFailed};
  }
  journal.target = target;
  journal.resume_phase = Phase::Idle;
  journal.reason = Code::None;
  journal.failures = journal.refetches = journal.rollback_failures = 0;
  // Counts as cut short, so that the MCU stays in our hands until an image runs on it again.
  journal.interruptions = mcu_is_erased ? 1 : 0;
  return to(journal, Phase::Downloading, Effect::Download);
}

constexpr StatusWord status_of_mcu(const Journal& journal) noexcept {
  return journal.mcu_version > 0 ? StatusWord::Applied : StatusWord::None;
}

/// The twin changed its mind while nothing irreversible had begun.
constexpr Step on_new_offer(const Journal& now, const Event& event) noexcept {
  if (!takes(now, event.kind)) return unexpected(now);
  if (event.kind == EventKind::OfferAccepted) return begin(now, event.target);
  if (event.kind == EventKind::OfferRefused) {
    return finish(now, StatusWord::Error, event.code, event.target);
  }
  if (event.kind == EventKind::OfferRunsAlready) {
    return finish(now, StatusWord::Applied, Code::None, event.target);
  }
  if (event.kind == EventKind::Withdrawn && mcu_in_our_hands(now)) {
    Journal next = now;
    next.resume_phase = Phase::Idle;
    next.reason = Code::Withdrawn;
    next.interruptions = 0;
    return to(next, Phase::RollingBack, Effect::ProgramPrevious);
  }
  if (event.kind == EventKind::Withdrawn) {
    return finish(now, status_of_mcu(now), Code::Withdrawn, now.target);
  }
  return unexpected(now);
}

constexpr Step on_idle(const Journal& now, const Event& event) noexcept {
  if (event.kind == EventKind::Restarted) return {now, Effect::Rest};
  if (event.kind == EventKind::Withdrawn) return {now, Effect::Rest};
  return on_new_offer(now, event);
}

constexpr Step go_on(Journal now) noexcept {
  const Phase phase = now.resume_phase;
  now.resume_phase = Phase::Idle;
  now.reason = Code::None;
  // One try a day, and the next restart in the middle of it makes it wait again.
  if (now.interruptions >= kInterruptionsMax) now.interruptions = kInterruptionsMax - 1;
  switch (phase) {
    case Phase::Verifying:
      return to(now, Phase::Verifying, Effect::Verify);
    case Phase::Confirming:
      return to(now, Phase::Confirming, Effect::CheckPromotion);
    case Phase::RollingBack:
      return to(now, Phase::RollingBack, Effect::ProgramPrevious);
    case Phase::Idle:
    case Phase::Waiting:
    case Phase::Downloading:
    case Phase::Programming:
      break;
  }
  return to(now, Phase::Downloading, Effect::Download);
}

constexpr Step on_waiting(const Journal& now, const Event& event) noexcept {
  if (event.kind == EventKind::Restarted) return {now, Effect::Rest};
  if (event.kind == EventKind::DeadlinePassed) return go_on(now);
  if (event.kind == EventKind::OfferRenewed) {
    return now.resume_phase == Phase::Downloading ? go_on(now) : Step{now, Effect::Rest};
  }
  return on_new_offer(now, event);
}

constexpr Step on_downloading(const Journal& now, const Event& event) noexcept {
  if (event.kind == EventKind::Restarted) return {now, Effect::Download};
  if (event.kind == EventKind::OfferRenewed) return {now, Effect::Download};
  if (event.kind == EventKind::SizeReached) return to(now, Phase::Verifying, Effect::Verify);
  if (event.kind == EventKind::Blocked) return wait(now, Phase::Downloading, event.code);
  if (event.kind == EventKind::DoesNotFit) return give_up(now, Code::TooLarge);
  if (event.kind == EventKind::DeadlinePassed) return wait(now, Phase::Downloading, Code::Stalled);
  return on_new_offer(now, event);
}

constexpr Step on_verifying(const Journal& now, const Event& event) noexcept {
  if (event.kind == EventKind::Restarted) return {now, Effect::Verify};
  if (event.kind == EventKind::OfferRenewed) return {now, Effect::Verify};
  if (event.kind == EventKind::HashRight) return to(now, Phase::Programming, Effect::Program);
  if (event.kind == EventKind::CandidateMissing) {
    return to(now, Phase::Downloading, Effect::Download);
  }
  if (event.kind == EventKind::HashWrong) {
    if (now.refetches >= kRefetchesMax) return give_up(now, Code::HashMismatch);
    Journal next = now;
    ++next.refetches;
    return to(next, Phase::Downloading, Effect::Download);
  }
  if (event.kind == EventKind::DeadlinePassed) {
    return wait(now, Phase::Verifying, Code::StorageFailed);
  }
  return on_new_offer(now, event);
}

constexpr Step on_programming(const Journal& now, const Event& event) noexcept {
  if (event.kind == EventKind::Programmed) return to(now, Phase::Confirming, Effect::AskMcu);
  if (event.kind == EventKind::Restarted) {
    Journal next = now;
    ++next.interruptions;
    if (next.interruptions >= kInterruptionsMax) {
      return wait(next, Phase::Verifying, Code::ProgrammingInterrupted);
    }
    return to(next, Phase::Verifying, Effect::Verify);
  }
  if (event.kind == EventKind::ProgramFailed) return program_again(now, Code::McuFailed);
  if (event.kind == EventKind::CandidateMissing) {
    return to(now, Phase::Downloading, Effect::Download);
  }
  if (event.kind == EventKind::Blocked) return wait(now, Phase::Verifying, event.code);
  return unexpected(now);
}

constexpr Step on_confirming(const Journal& now, const Event& event) noexcept {
  if (event.kind == EventKind::Restarted) return {now, Effect::CheckPromotion};
  if (event.kind == EventKind::NotPromoted) return {now, Effect::AskMcu};
  if (event.kind == EventKind::CandidateMissing) {
    return to(now, Phase::Downloading, Effect::Download);
  }
  if (event.kind == EventKind::McuReportsTarget) return {now, Effect::Promote};
  if (event.kind == EventKind::Promoted) {
    Journal next = now;
    next.mcu_version = now.target.identity.version;
    next.mcu_version_text = now.target.mcu_version;
    // A success ends the memory of an older failure.
    next.refusal = {};
    return finish(next, StatusWord::Applied, Code::None, now.target);
  }
  if (event.kind == EventKind::McuSilent) return program_again(now, Code::McuSilent);
  return unexpected(now);
}

constexpr Step rollback_failed(Journal now) noexcept {
  if (now.rollback_failures < 0xFF) ++now.rollback_failures;
  return wait(now, Phase::RollingBack, Code::RollbackFailed);
}

constexpr Step on_rolling_back(const Journal& now, const Event& event) noexcept {
  if (event.kind == EventKind::PreviousProgrammed) return {now, Effect::AskPrevious};
  if (event.kind == EventKind::PreviousRuns) {
    Journal next = now;
    next.mcu_version = event.target.identity.version;
    next.mcu_version_text = event.target.mcu_version;
    return refuse(next, Code::RolledBack);
  }
  if (event.kind == EventKind::PreviousFailed) return rollback_failed(now);
  if (event.kind == EventKind::Blocked) return wait(now, Phase::RollingBack, event.code);
  if (event.kind == EventKind::PreviousMissing) {
    Journal next = now;
    next.mcu_version = 0;
    next.mcu_version_text = {};
    return refuse(next, Code::RollbackUnavailable);
  }
  if (event.kind == EventKind::Restarted) {
    Journal next = now;
    ++next.interruptions;
    if (next.interruptions >= kInterruptionsMax) return rollback_failed(next);
    return {next, Effect::ProgramPrevious};
  }
  return unexpected(now);
}

}  // namespace detail

constexpr Step transition(const Journal& now, const Event& event) noexcept {
  switch (now.phase) {
    case Phase::Idle:
      return detail::on_idle(now, event);
    case Phase::Waiting:
      return detail::on_waiting(now, event);
    case Phase::Downloading:
      return detail::on_downloading(now, event);
    case Phase::Verifying:
      return detail::on_verifying(now, event);
    case Phase::Programming:
      return detail::on_programming(now, event);
    case Phase::Confirming:
      return detail::on_confirming(now, event);
    case Phase::RollingBack:
      return detail::on_rolling_back(now, event);
  }
  return detail::unexpected(now);
}

/// Where a device goes on after any restart, from the journal alone.
constexpr Step resume(const Journal& journal) noexcept {
  return transition(journal, {.kind = EventKind::Restarted});
}

}  // namespace ota::engine
