#include "device/core/engine/updater.hpp"

#include <algorithm>
#include <utility>

#include "device/core/engine/deadlines.hpp"

namespace ota::engine {
namespace {

Truth truth_of(const Journal& journal) noexcept {
  Truth truth;
  truth.refusal = journal.refusal;
  truth.outcome = journal.outcome;
  // Should the flash be lost now, nobody would know what the MCU runs.
  if (mcu_in_our_hands(journal)) return truth;
  truth.mcu_version = journal.mcu_version;
  truth.mcu_version_text = journal.mcu_version_text;
  return truth;
}

Journal journal_of(const Truth& truth) noexcept {
  Journal journal;
  journal.mcu_version = truth.mcu_version;
  journal.mcu_version_text = truth.mcu_version_text;
  journal.refusal = truth.refusal;
  journal.outcome = truth.outcome;
  return journal;
}

}  // namespace

Updater::Updater(store::Store& store, fetch::Transport& transport, mcu::Programmer& programmer,
                 ReportSink& reports, TruthKeeper& truth, Clock& clock, Random& random,
                 const Settings& settings) noexcept
    : store_(store),
      transport_(transport),
      programmer_(programmer),
      reports_(reports),
      truth_(truth),
      clock_(clock),
      random_(random),
      settings_(settings),
      backoff_(fetch::kBackoffBase, settings.retry_max),
      mount_pause_(kMountPauseMin),
      outcome_pause_(kOutcomePauseMin) {}

void Updater::start() noexcept {
  if (const auto truth = truth_.load()) journal_ = journal_of(*truth);
  mount_at_ = clock_.now();
  if (!storage_ready()) report_loss();
}

Phase Updater::phase() const noexcept { return storage_lost_ ? Phase::Waiting : journal_.phase; }

const Journal& Updater::journal() const noexcept { return journal_; }

bool Updater::storage_ready() noexcept {
  if (!storage_lost_) return true;
  if (clock_.now() < mount_at_) return false;
  const auto mounted = store_.mount();
  if (!mounted) {
    mount_at_ = clock_.now() + mount_pause_;
    mount_pause_ = std::min(2 * mount_pause_, kMountPauseMax);
    return false;
  }
  storage_lost_ = false;
  load(*mounted);
  if (!storage_lost_ && std::exchange(loss_reported_, false)) report_state();
  return !storage_lost_;
}

void Updater::lose_storage() noexcept {
  if (storage_lost_) return;
  storage_lost_ = true;
  effect_ = Effect::Rest;
  mount_at_ = clock_.now() + mount_pause_;
  mount_pause_ = std::min(2 * mount_pause_, kMountPauseMax);
  report_loss();
}

void Updater::load(store::MountOutcome mounted) noexcept {
  const auto stored = store_.read_journal();
  if (!stored && stored.error() != Errc::NotFound && stored.error() != Errc::Corrupt &&
      stored.error() != Errc::Rejected) {
    return lose_storage();
  }
  const auto copy = truth_.load();
  // The copy is written after the flash. A flash that is behind it has rotted or is another one.
  const bool remembered = stored && (!copy || copy->outcome.number <= stored->outcome.number);
  if (remembered) {
    journal_ = *stored;
    if (copy != truth_of(journal_)) truth_.save(truth_of(journal_));
  } else {
    // Nothing is under way then; the copy says what the MCU runs.
    journal_ = journal_of(copy.value_or(truth_of(journal_)));
  }
  const auto current = store_.find(store::Slot::Current);
  if (!current && current.error() != Errc::NotFound) return lose_storage();
  has_current_ = current && current->complete();
  Step step = resume(journal_);
  if (mounted == store::MountOutcome::FormattedCorrupt) {
    step = detail::finish(step.next, StatusWord::Error, Code::StorageCorrupt, {});
  }
  const Journal before = journal_;
  if (!remembered && !store_.write_journal(step.next)) return lose_storage();
  if (!commit(step.next)) return;
  effect_ = step.effect;
  enter(before, Effect::Rest);
  phase_began_ = clock_.now();
  rest_begins();
  const bool outcome_waits = journal_.outcome.number > 0 && !journal_.outcome.acknowledged;
  if (outcome_waits && before.outcome == journal_.outcome) report_outcome();
}

bool Updater::commit(const Journal& next) noexcept {
  if (next == journal_) return true;
  if (!store_.write_journal(next)) {
    lose_storage();
    return false;
  }
  const Truth truth = truth_of(next);
  const bool truth_changed = truth != truth_of(journal_);
  journal_ = next;
  if (truth_changed) truth_.save(truth);
  return true;
}

void Updater::apply(const Event& event) noexcept {
  const Step step = transition(journal_, event);
  if (step.effect == Effect::Unexpected) {
    ++unexpected_events_;
    // The same work again could make the same event for ever; a restart sorts it out from the
    // flash.
    const Step again = resume(journal_);
    effect_ = again.effect;
    not_before_ = clock_.now() + kProgramAgainPause;
    return;
  }
  const Journal before = journal_;
  const Effect effect_before = effect_;
  if (!commit(step.next)) return;  // Durable before visible: after a cut here the work runs again.
  effect_ = step.effect;
  enter(before, effect_before);
}

void Updater::enter(const Journal& before, Effect effect_before) noexcept {
  const Instant now = clock_.now();
  const bool new_work = before.target.identity != journal_.target.identity;
  if (before.phase != journal_.phase || new_work) {
    phase_began_ = now;
    not_before_ = now;
    rest_begins();
    if (journal_.phase == Phase::Downloading) {
      progress_.begin(now);
      progress_.start_stall_clock(now);
      backoff_.reset();
      network_code_ = Code::None;
    }
  }
  const bool candidate_done = journal_.phase != Phase::Downloading || new_work;
  if (candidate_done && store_.candidate_open() && !store_.close_candidate()) {
    return lose_storage();
  }
  const bool asks = effect_ == Effect::AskMcu || effect_ == Effect::AskPrevious;
  if (asks && effect_ != effect_before) ask_deadline_ = now + settings_.confirm_timeout;
  if (journal_.phase == Phase::Verifying && journal_.failures > before.failures) {
    not_before_ = now + settings_.program_pause;
  }
  if (before.outcome.number != journal_.outcome.number) {
    outcome_pause_ = kOutcomePauseMin;
    report_outcome();
  } else if (before.phase != journal_.phase || new_work) {
    report_state();
  }
}

std::optional<Instant> Updater::deadline() const noexcept {
  const auto limit = deadline_of(journal_, busy_tries_);
  const bool downloading = journal_.phase == Phase::Downloading;
  // A download that can be tried is judged after each try: the server may have asked for a pause as
  // long as the limit.
  if (!limit || (downloading && offer_)) return std::nullopt;
  return (downloading ? progress_.last_new_byte() : phase_began_) + *limit;
}

void Updater::check_deadline() noexcept {
  const Instant now = clock_.now();
  const bool downloading = journal_.phase == Phase::Downloading;
  if (downloading && progress_.on_time(now) == Progress::News::Report) report_state();
  const auto at = deadline();
  if (at && now >= *at) apply({.kind = EventKind::DeadlinePassed});
}

void Updater::rest_begins() noexcept {
  erase_ahead_at_.reset();
  const bool wanted = settings_.erase_ahead_after > Duration::zero();
  if (wanted && journal_.phase == Phase::Idle) {
    erase_ahead_at_ = clock_.now() + settings_.erase_ahead_after;
  }
}

/// One block with each call of run(), so that a message never waits longer than one erase.
void Updater::erase_ahead(const Cancel& cancel) noexcept {
  if (storage_lost_ || cancel.requested()) return;
  if (!erase_ahead_at_ || clock_.now() < *erase_ahead_at_) return;
  const auto more = store_.erase_ahead();
  if (!more) return lose_storage();
  if (!*more) erase_ahead_at_.reset();
}

std::optional<Instant> Updater::run(const Cancel& cancel) noexcept {
  while (storage_ready()) {
    take_message();
    if (storage_lost_) continue;
    check_deadline();
    if (storage_lost_) continue;
    if (effect_ == Effect::Rest || clock_.now() < not_before_ || cancel.requested()) break;
    if (effect_ == Effect::Download && !offer_) break;  // The twin's answer will bring the address.
    if (const auto event = perform(cancel)) {
      apply(*event);
      // A flash that mounts and then fails again and again is asked less and less often.
      if (!storage_lost_) mount_pause_ = kMountPauseMin;
    }
  }
  repeat_outcome();
  erase_ahead(cancel);
  return next_wake();
}

std::optional<Instant> Updater::next_wake() noexcept {
  std::optional<Instant> wake;
  const auto no_later_than = [&wake](Instant at) { wake = wake ? std::min(*wake, at) : at; };
  if (!journal_.outcome.acknowledged && journal_.outcome.number > 0) no_later_than(outcome_at_);
  if (storage_lost_) {
    no_later_than(mount_at_);
    return wake;
  }
  if (const auto at = deadline()) no_later_than(*at);
  const bool downloading = journal_.phase == Phase::Downloading;
  if (downloading && !progress_.quiet()) no_later_than(progress_.quiet_at());
  if (erase_ahead_at_) no_later_than(std::max(*erase_ahead_at_, clock_.now()));
  const bool can_work = effect_ != Effect::Rest && (effect_ != Effect::Download || offer_);
  if (can_work) no_later_than(std::max(not_before_, clock_.now()));
  return wake;
}

void Updater::acknowledged(std::uint32_t outcome_number) noexcept {
  const bool ours = outcome_number == journal_.outcome.number && !journal_.outcome.acknowledged;
  if (!ours || storage_lost_) return;  // With a lost flash the outcome is simply sent again.
  Journal next = journal_;
  next.outcome.acknowledged = true;
  (void)commit(next);  // A failure lost the storage, which is reported and tried again there.
}

}  // namespace ota::engine
