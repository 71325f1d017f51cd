#include <algorithm>

#include "device/core/engine/deadlines.hpp"
#include "device/core/engine/slot_source.hpp"
#include "device/core/engine/updater.hpp"

namespace ota::engine {

using store::Slot;

namespace {

store::ImageIdentity identity_of(const store::Target& target) noexcept {
  return {.version = target.identity.version,
          .size_bytes = target.size_bytes,
          .sha256 = target.identity.sha256,
          .mcu_version = target.mcu_version,
          .etag = {}};
}

mcu::ImageInfo info_of(const store::ImageIdentity& identity) noexcept {
  return {.version = identity.version,
          .size_bytes = identity.size_bytes,
          .sha256 = identity.sha256,
          .mcu_version = identity.mcu_version};
}

}  // namespace

std::optional<Event> Updater::perform(const Cancel& cancel) noexcept {
  switch (effect_) {
    case Effect::Download:
      return download(cancel);
    case Effect::Verify:
      return verify();
    case Effect::Program:
      return program();
    case Effect::AskMcu:
      return ask_mcu();
    case Effect::CheckPromotion:
      return check_promotion();
    case Effect::Promote:
      return promote();
    case Effect::ProgramPrevious:
      return program_previous();
    case Effect::AskPrevious:
      return ask_previous();
    case Effect::Rest:
    case Effect::Unexpected:
      return std::nullopt;
  }
  return std::nullopt;
}

Result<bool> Updater::holds_target(Slot slot) noexcept {
  const auto image = store_.find(slot);
  if (!image && image.error() == Errc::NotFound) return false;
  if (!image) return image.error();
  return image->complete() && image->identity.same_image(identity_of(journal_.target));
}

std::optional<Event> Updater::storage_trouble(Errc error) noexcept {
  if (error != Errc::NoSpace) {
    lose_storage();
    return std::nullopt;
  }
  // The room was counted before, so blocks went bad. The old image goes first, then the offer.
  if (has_current_ && store_.discard(Slot::Current)) {
    has_current_ = false;
    return std::nullopt;
  }
  if (!store_.discard(Slot::Candidate)) lose_storage();
  if (storage_lost_) return std::nullopt;
  return Event{.kind = EventKind::DoesNotFit};
}

// Opens the candidate where it ends; the old image goes if both do not fit.
bool Updater::open_candidate() noexcept {
  if (store_.candidate_open()) return true;
  const store::ImageIdentity wanted = identity_of(journal_.target);
  const auto stored = store_.find(Slot::Candidate);
  const bool goes_on = stored && stored->identity.same_image(wanted);
  etag_ = goes_on ? stored->identity.etag : FixedText<64>();
  if (!goes_on && has_current_) {
    const auto room = store_.room_for_candidate(true);
    if (!room) return lose_storage(), false;
    if (*room < wanted.size_bytes) {
      if (!store_.discard(Slot::Current)) return lose_storage(), false;
      has_current_ = false;
      report_state();
    }
  }
  const auto opened = store_.open_candidate(wanted);
  if (!opened) return lose_storage(), false;
  stored_bytes_ = *opened;
  progress_.resume_at(*opened, wanted.size_bytes);
  return true;
}

std::optional<Event> Updater::download(const Cancel& cancel) noexcept {
  if (!open_candidate()) return std::nullopt;
  fetch::Download rules(journal_.target.size_bytes, store_.candidate_bytes(), etag_);
  fetch::TransferEnd end = fetch::TransferEnd::Complete;
  const std::uint32_t best_before = progress_.best_bytes();
  if (!rules.complete()) {
    DownloadPass pass(rules, store_, *this);
    end = transport_.get(rules.request(offer_->url, offer_->sas), pass, cancel);
    etag_ = rules.etag();
    if (!pass.storage()) return storage_trouble(pass.storage().error());
    stored_bytes_ = rules.position();
    // Bytes that were there before are no progress: a server that ignores ranges on a link that
    // drops would otherwise be asked at full speed for ever.
    if (progress_.best_bytes() > best_before) backoff_.reset();
  }
  return after_transfer(rules, end);
}

std::optional<Event> Updater::after_transfer(const fetch::Download& download,
                                             fetch::TransferEnd end) noexcept {
  const fetch::Ending ending = download.ending(end);
  switch (ending.next) {
    case fetch::Next::Verify:
    case fetch::Next::Wait:
    case fetch::Next::Cancel:
      if (const Status closed = store_.close_candidate(); !closed) {
        return storage_trouble(closed.error());
      }
      if (ending.next == fetch::Next::Verify) return Event{.kind = EventKind::SizeReached};
      if (ending.next == fetch::Next::Wait) {
        return Event{.kind = EventKind::Blocked, .code = ending.code};
      }
      return std::nullopt;
    case fetch::Next::AskAgain:
      return std::nullopt;
    case fetch::Next::Retry: {
      network_code_ = ending.code;
      if (clock_.now() >= progress_.last_new_byte() + kStallMax) {
        return Event{.kind = EventKind::DeadlinePassed};
      }
      const Duration pause = backoff_.next(random_);
      not_before_ = clock_.now() + std::max(pause, ending.retry_after.value_or(Duration{}));
      return std::nullopt;
    }
  }
  return std::nullopt;
}

std::optional<Event> Updater::verify() noexcept {
  const auto there = holds_target(Slot::Candidate);
  if (!there) return storage_trouble(there.error());
  if (!*there) return Event{.kind = EventKind::CandidateMissing};
  const auto digest = store_.hash(Slot::Candidate);
  if (!digest && digest.error() != Errc::Corrupt) return storage_trouble(digest.error());
  if (digest && *digest == journal_.target.identity.sha256) {
    return Event{.kind = EventKind::HashRight};
  }
  // Wrong bytes go at once, so that no restart can take them for a download to go on with.
  if (const Status gone = store_.discard(Slot::Candidate); !gone) {
    return storage_trouble(gone.error());
  }
  return Event{.kind = EventKind::HashWrong};
}

std::optional<Event> Updater::program() noexcept {
  if (!programmer_.has_mcu()) return Event{.kind = EventKind::Programmed};
  const auto there = holds_target(Slot::Candidate);
  if (!there) return storage_trouble(there.error());
  if (!*there) return Event{.kind = EventKind::CandidateMissing};
  const store::ImageIdentity identity = identity_of(journal_.target);
  SlotSource source(store_, Slot::Candidate, identity);
  const Status done = programmer_.program(info_of(identity), source);
  if (source.flash_failed()) return storage_trouble(Errc::Io);
  return program_event(done, EventKind::Programmed, EventKind::ProgramFailed);
}

Event Updater::program_event(const Status& done, EventKind success, EventKind failure) noexcept {
  if (!done && done.error() == Errc::Busy) {
    if (busy_tries_ < 0xFF) ++busy_tries_;
    return {.kind = EventKind::Blocked, .code = Code::McuFailed};
  }
  busy_tries_ = 0;
  return {.kind = done ? success : failure};
}

bool Updater::reports_version(std::string_view wanted) noexcept {
  const auto running = programmer_.running_version();
  return running && *running == wanted;
}

std::optional<Event> Updater::ask_mcu() noexcept {
  if (!programmer_.has_mcu() || reports_version(journal_.target.mcu_version)) {
    return Event{.kind = EventKind::McuReportsTarget};
  }
  if (clock_.now() >= ask_deadline_) return Event{.kind = EventKind::McuSilent};
  not_before_ = clock_.now() + settings_.confirm_interval;
  return std::nullopt;
}

std::optional<Event> Updater::check_promotion() noexcept {
  const auto candidate = holds_target(Slot::Candidate);
  if (!candidate) return storage_trouble(candidate.error());
  if (*candidate) return Event{.kind = EventKind::NotPromoted};
  const auto current = holds_target(Slot::Current);
  if (!current) return storage_trouble(current.error());
  return Event{.kind = *current ? EventKind::Promoted : EventKind::CandidateMissing};
}

std::optional<Event> Updater::promote() noexcept {
  const auto candidate = holds_target(Slot::Candidate);
  if (!candidate) return storage_trouble(candidate.error());
  if (*candidate) {
    if (const Status renamed = store_.promote(); !renamed) return storage_trouble(renamed.error());
    has_current_ = true;
    return Event{.kind = EventKind::Promoted};
  }
  return check_promotion();
}

std::optional<Event> Updater::program_previous() noexcept {
  const auto previous = store_.find(Slot::Current);
  if (!previous && previous.error() != Errc::NotFound) return storage_trouble(previous.error());
  // Damage can bring an older image back to light, and versions only go up. It goes for good: once
  // nobody knows any more what the MCU ran, nothing would tell it from a way back.
  const bool outdated = previous && previous->identity.version < journal_.mcu_version;
  if (outdated) {
    const Status gone = store_.discard(Slot::Current);
    if (!gone) return storage_trouble(gone.error());
    has_current_ = false;
  }
  if (!previous || outdated || !previous->complete()) {
    return Event{.kind = EventKind::PreviousMissing};
  }
  const auto digest = store_.hash(Slot::Current);
  if (!digest && digest.error() != Errc::Corrupt) return storage_trouble(digest.error());
  if (!digest || *digest != previous->identity.sha256) {
    // A part that fell off the bus reads as FFh. Giving up the way back is final, so the part is
    // started again, and asked who it is, before its word is taken.
    if (previous_doubted_) return Event{.kind = EventKind::PreviousMissing};
    previous_doubted_ = true;
    lose_storage();
    return std::nullopt;
  }
  previous_doubted_ = false;
  SlotSource source(store_, Slot::Current, previous->identity);
  const Status done = programmer_.program(info_of(previous->identity), source);
  if (source.flash_failed()) return storage_trouble(Errc::Io);
  return program_event(done, EventKind::PreviousProgrammed, EventKind::PreviousFailed);
}

std::optional<Event> Updater::ask_previous() noexcept {
  const auto previous = store_.find(Slot::Current);
  if (!previous) return storage_trouble(previous.error());
  if (reports_version(previous->identity.mcu_version)) {
    store::Target target;
    target.identity.version = previous->identity.version;
    target.mcu_version = previous->identity.mcu_version;
    return Event{.kind = EventKind::PreviousRuns, .target = target};
  }
  if (clock_.now() >= ask_deadline_) return Event{.kind = EventKind::PreviousFailed};
  not_before_ = clock_.now() + settings_.confirm_interval;
  return std::nullopt;
}

Status Updater::import_image(const store::ImageIdentity& identity,
                             mcu::ImageSource& source) noexcept {
  if (!storage_ready()) return Errc::NoDevice;
  if (journal_.phase != Phase::Idle) return Errc::Busy;
  OTA_TRY(store_.discard(Slot::Candidate));
  OTA_TRY(const std::uint32_t room, store_.room_for_candidate(true));
  if (room < identity.size_bytes) {
    OTA_TRY(store_.discard(Slot::Current));
    has_current_ = false;
  }
  OTA_TRY(std::uint32_t offset, store_.open_candidate(identity));
  std::array<std::byte, 1024> buffer;
  while (offset < identity.size_bytes) {
    const std::size_t wanted = std::min<std::size_t>(buffer.size(), identity.size_bytes - offset);
    OTA_TRY(const std::size_t count, source.read(offset, MutableBytes(buffer).first(wanted)));
    if (count == 0) break;
    OTA_TRY(store_.append(Bytes(buffer).first(count)));
    offset += static_cast<std::uint32_t>(count);
  }
  OTA_TRY(store_.close_candidate());
  OTA_TRY(const Digest digest, store_.hash(Slot::Candidate));
  if (offset != identity.size_bytes || digest != identity.sha256) {
    OTA_TRY(store_.discard(Slot::Candidate));
    return Errc::Corrupt;
  }
  OTA_TRY(store_.promote());
  has_current_ = true;
  rest_begins();
  Journal next = journal_;
  next.mcu_version = identity.version;
  next.mcu_version_text = identity.mcu_version;
  return commit(next) ? Status(Ok{}) : Status(Errc::Io);
}

}  // namespace ota::engine
