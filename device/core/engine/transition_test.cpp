#include "device/core/engine/transition.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "device/core/engine/transition_text.hpp"

namespace ota::engine {
namespace {

constexpr Journal in(Phase phase) noexcept {
  Journal journal;
  journal.phase = phase;
  journal.target.identity.version = phase == Phase::Idle ? 0 : 7;
  journal.mcu_version = 5;
  return journal;
}

constexpr Journal failed(Phase phase, std::uint8_t failures) noexcept {
  Journal journal = in(phase);
  journal.failures = failures;
  return journal;
}

constexpr Step after(const Journal& journal, EventKind kind, Code code = Code::None) noexcept {
  return transition(journal, {.kind = kind, .code = code});
}

// The promises that a device depends on, checked by every compiler.
static_assert(after(failed(Phase::Confirming, kFailuresMax - 1), EventKind::McuSilent).next.phase ==
              Phase::RollingBack);
static_assert(after(failed(Phase::Programming, 0), EventKind::ProgramFailed).effect ==
              Effect::Verify);
static_assert(after(failed(Phase::Confirming, 0), EventKind::McuSilent).effect == Effect::Verify);
static_assert(after(in(Phase::RollingBack), EventKind::PreviousRuns).next.refusal.code ==
              Code::RolledBack);
static_assert(after(in(Phase::Programming), EventKind::OfferAccepted).effect == Effect::Unexpected);
static_assert(resume(in(Phase::Programming)).next.phase == Phase::Verifying,
              "an image is verified again before the MCU is erased again");
static_assert(resume(in(Phase::Confirming)).effect == Effect::CheckPromotion);
static_assert(after(in(Phase::Confirming), EventKind::Promoted).next.mcu_version == 7);

TEST(Transition, WaitsAfterTwentyRestartsWhileProgramming) {
  Journal journal = in(Phase::Programming);
  for (int restart = 1; restart < kInterruptionsMax; ++restart) {
    const Step step = resume(journal);
    ASSERT_EQ(step.effect, Effect::Verify) << "restart " << restart;
    journal = after(step.next, EventKind::HashRight).next;
    ASSERT_EQ(journal.phase, Phase::Programming);
  }
  const Step last = resume(journal);
  EXPECT_EQ(last.next.phase, Phase::Waiting);
  EXPECT_EQ(last.next.reason, Code::ProgrammingInterrupted);
  // One try a day from then on.
  const Step daily = after(last.next, EventKind::DeadlinePassed);
  EXPECT_EQ(daily.effect, Effect::Verify);
  EXPECT_EQ(resume(after(daily.next, EventKind::HashRight).next).next.phase, Phase::Waiting);
}

TEST(Transition, GivesAnErasedMcuItsOldImageBackWhateverEndsTheOffer) {
  Journal journal = failed(Phase::Verifying, 1);
  journal.refetches = kRefetchesMax;
  const Step rotten = after(journal, EventKind::HashWrong);
  EXPECT_EQ(rotten.effect, Effect::ProgramPrevious);
  EXPECT_EQ(rotten.next.reason, Code::HashMismatch);
  EXPECT_EQ(after(failed(Phase::Downloading, 1), EventKind::DoesNotFit).effect,
            Effect::ProgramPrevious);
}

TEST(Transition, RefetchesTwiceThenRefusesTheIdentity) {
  Journal journal = in(Phase::Verifying);
  for (int i = 0; i < kRefetchesMax; ++i) {
    const Step step = after(journal, EventKind::HashWrong);
    ASSERT_EQ(step.effect, Effect::Download);
    journal = after(step.next, EventKind::SizeReached).next;
  }
  const Step last = after(journal, EventKind::HashWrong);
  EXPECT_EQ(last.next.phase, Phase::Idle);
  EXPECT_EQ(last.next.refusal.code, Code::HashMismatch);
  EXPECT_EQ(last.next.refusal.identity.version, 7U);
  EXPECT_EQ(last.next.outcome.status, StatusWord::Error);
}

TEST(Transition, NumbersEachOutcomeAnew) {
  Journal journal = in(Phase::Confirming);
  journal.outcome.number = 41;
  const Step step = after(journal, EventKind::Promoted);
  EXPECT_EQ(step.next.outcome.number, 42U);
  EXPECT_FALSE(step.next.outcome.acknowledged);
  EXPECT_EQ(step.next.outcome.status, StatusWord::Applied);
}

TEST(Transition, KeepsAWithdrawnOfferOutWhileTheMcuMayBeErased) {
  const Journal touched = resume(in(Phase::Programming)).next;
  ASSERT_EQ(touched.phase, Phase::Verifying);
  EXPECT_FALSE(takes(touched, EventKind::Withdrawn));
  EXPECT_TRUE(takes(touched, EventKind::OfferAccepted));
  EXPECT_EQ(after(touched, EventKind::Withdrawn).effect, Effect::Unexpected);
}

TEST(Transition, LetsANewImageTakeOverFromAHopelessRollback) {
  const Journal waiting = after(in(Phase::RollingBack), EventKind::PreviousFailed).next;
  ASSERT_EQ(waiting.reason, Code::RollbackFailed);
  const Step step = after(waiting, EventKind::OfferAccepted);
  EXPECT_EQ(step.next.phase, Phase::Downloading);
  EXPECT_EQ(step.next.mcu_version, 0U) << "nobody knows what the MCU runs";
  EXPECT_EQ(step.next.refusal.code, Code::RollbackFailed);
}

TEST(Transition, BringsThePreviousImageBackWhenTheOneThatTookOverIsWithdrawn) {
  const Journal waiting = after(in(Phase::RollingBack), EventKind::PreviousFailed).next;
  const Journal taken_over = after(waiting, EventKind::OfferAccepted).next;
  const Step step = after(taken_over, EventKind::Withdrawn);
  EXPECT_EQ(step.next.phase, Phase::RollingBack);
  EXPECT_EQ(step.effect, Effect::ProgramPrevious);
  store::Target previous;
  previous.identity.version = 5;
  const Step back = transition(step.next, {.kind = EventKind::PreviousRuns, .target = previous});
  EXPECT_EQ(back.next.mcu_version, 5U) << "now it is known again";
}

TEST(Transition, EveryPhaseLeavesOnItsDeadlineOrItsOwnResult) {
  EXPECT_EQ(after(in(Phase::Downloading), EventKind::DeadlinePassed).next.phase, Phase::Waiting);
  EXPECT_EQ(after(in(Phase::Verifying), EventKind::DeadlinePassed).next.phase, Phase::Waiting);
  EXPECT_EQ(after(in(Phase::Waiting), EventKind::DeadlinePassed).effect, Effect::Download);
}

std::string table() {
  std::ostringstream out;
  out << "# The update engine: every phase and every event\n\n"
         "Written by the test `engine.transition_table`; do not edit by hand. To write it anew "
         "after a change of\n`device/core/engine/transition.hpp`: "
         "`OTA_WRITE_DOCS=1 ctest --test-dir build/dev -R engine_test`.\n\n"
         "Each cell: the next phase, then the next effect. `.` is a pair that should not occur: it "
         "is counted and\nchanges nothing. The MCU runs version 5, the target is version 7, all "
         "counters are zero; what counters do\nis in the tests beside the source.\n\n| event |";
  for (std::uint8_t phase = 0; phase < contract::kPhaseCount; ++phase) {
    out << ' ' << contract::to_text(static_cast<Phase>(phase)) << " |";
  }
  out << "\n|---|---|---|---|---|---|---|---|\n";
  for (std::uint8_t kind = 0; kind < kEventKindCount; ++kind) {
    out << "| " << to_text(static_cast<EventKind>(kind)) << " |";
    for (std::uint8_t phase = 0; phase < contract::kPhaseCount; ++phase) {
      Journal journal = in(static_cast<Phase>(phase));
      if (journal.phase == Phase::Waiting) journal.resume_phase = Phase::Downloading;
      const Step step = after(journal, static_cast<EventKind>(kind), Code::SasExpired);
      if (step.effect == Effect::Unexpected) {
        EXPECT_EQ(step.next, journal) << "an unexpected event changed the journal";
        out << " . |";
      } else {
        out << ' ' << contract::to_text(step.next.phase) << ": " << to_text(step.effect) << " |";
      }
    }
    out << '\n';
  }
  return out.str();
}

TEST(TransitionTable, AgreesWithTheDocument) {
  const std::string path = OTA_SOURCE_DIR "/docs/engine-transitions.md";
  const std::string text = table();
  if (std::getenv("OTA_WRITE_DOCS") != nullptr) std::ofstream(path) << text;
  std::ifstream file(path);
  const std::string document{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(document, text) << "set OTA_WRITE_DOCS=1 and run again to write " << path;
}

}  // namespace
}  // namespace ota::engine
