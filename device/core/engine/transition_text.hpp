#pragma once

// Names of events and effects, for documents and logs.

#include <string_view>

#include "device/core/engine/transition.hpp"

namespace ota::engine {

constexpr std::string_view to_text(EventKind kind) noexcept {
  switch (kind) {
    case EventKind::Restarted:
      return "restarted";
    case EventKind::OfferAccepted:
      return "offer_accepted";
    case EventKind::OfferRenewed:
      return "offer_renewed";
    case EventKind::OfferRefused:
      return "offer_refused";
    case EventKind::OfferRunsAlready:
      return "offer_runs_already";
    case EventKind::Withdrawn:
      return "withdrawn";
    case EventKind::SizeReached:
      return "size_reached";
    case EventKind::Blocked:
      return "blocked";
    case EventKind::DoesNotFit:
      return "does_not_fit";
    case EventKind::HashRight:
      return "hash_right";
    case EventKind::HashWrong:
      return "hash_wrong";
    case EventKind::CandidateMissing:
      return "candidate_missing";
    case EventKind::Programmed:
      return "programmed";
    case EventKind::ProgramFailed:
      return "program_failed";
    case EventKind::McuReportsTarget:
      return "mcu_reports_target";
    case EventKind::McuSilent:
      return "mcu_silent";
    case EventKind::NotPromoted:
      return "not_promoted";
    case EventKind::Promoted:
      return "promoted";
    case EventKind::PreviousMissing:
      return "previous_missing";
    case EventKind::PreviousProgrammed:
      return "previous_programmed";
    case EventKind::PreviousFailed:
      return "previous_failed";
    case EventKind::PreviousRuns:
      return "previous_runs";
    case EventKind::DeadlinePassed:
      return "deadline_passed";
  }
  return "unknown";
}

constexpr std::string_view to_text(Effect effect) noexcept {
  switch (effect) {
    case Effect::Rest:
      return "rest";
    case Effect::Download:
      return "download";
    case Effect::Verify:
      return "verify";
    case Effect::Program:
      return "program";
    case Effect::AskMcu:
      return "ask_mcu";
    case Effect::CheckPromotion:
      return "check_promotion";
    case Effect::Promote:
      return "promote";
    case Effect::ProgramPrevious:
      return "program_previous";
    case Effect::AskPrevious:
      return "ask_previous";
    case Effect::Unexpected:
      return "unexpected";
  }
  return "unknown";
}

}  // namespace ota::engine
