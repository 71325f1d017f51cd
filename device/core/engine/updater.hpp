#pragma once

// One update from offer to outcome: event = perform(effect); step = transition(journal, event);
// commit; next effect. Table of phases: docs/engine-transitions.md. Single-threaded: every call
// comes from the update thread.

#include <cstdint>
#include <optional>

#include "base/backoff.hpp"
#include "base/cancel.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "contract/offer.hpp"
#include "contract/status.hpp"
#include "device/core/engine/deadlines.hpp"
#include "device/core/engine/download_pass.hpp"
#include "device/core/engine/offer_rules.hpp"
#include "device/core/engine/ports.hpp"
#include "device/core/engine/progress.hpp"
#include "device/core/engine/transition.hpp"
#include "device/core/fetch/download.hpp"
#include "device/core/fetch/transport.hpp"
#include "device/core/mcu/programmer.hpp"
#include "device/core/store/store.hpp"

namespace ota::engine {

struct Settings {
  FixedText<contract::kProductBytesMax> product;  // empty: any product is accepted
  Duration confirm_timeout = std::chrono::seconds(120);
  Duration confirm_interval =
      std::chrono::seconds(2);                  // between two questions for the MCU's version
  Duration program_pause = kProgramAgainPause;  // before a failed programming is repeated
  Duration retry_max = fetch::kBackoffCap;      // between two tries to download
  /// How long the device rests, since its start or its last work, before it erases free blocks for
  /// the next download; zero: never.
  Duration erase_ahead_after = kEraseAheadAfter;
};

class Updater final : private StoredListener {
 public:
  Updater(store::Store& store, fetch::Transport& transport, mcu::Programmer& programmer,
          ReportSink& reports, TruthKeeper& truth, Clock& clock, Random& random,
          const Settings& settings) noexcept;

  /// Mounts the flash, reads journal and truth, and reports an outcome that is not acknowledged
  /// yet. If the flash fails, the engine waits for it and tries again from run().
  void start() noexcept;

  /// The merged offer of the twin, also when nothing changed (after each reconnect): the same again
  /// answers its outcome.
  void offer(const contract::Offer& offer) noexcept;

  /// The twin holds an offer that could not be understood.
  void refuse(contract::Code code, std::uint32_t version, std::uint32_t attempt,
              std::string_view detail) noexcept;

  /// The twin holds no offer any more.
  void withdraw() noexcept;

  /// The hub has stored the outcome with this number.
  void acknowledged(std::uint32_t outcome_number) noexcept;

  /// Works until there is nothing to do now. `cancel` asks to come back soon because a message
  /// waits (a newer offer, or the end of the program); programming is never interrupted by it.
  /// @returns when to call again at the latest; nothing: only a message can change anything
  std::optional<Instant> run(const Cancel& cancel) noexcept;

  contract::Phase phase() const noexcept;
  const store::Journal& journal() const noexcept;

  /// The report that describes the present state.
  contract::Report current_report() const noexcept;

  /// Brings an image from a local file as the current one, which the MCU is said to run: it gives
  /// rollback something to go back to.
  /// @errors Busy: an update is under way. Corrupt: the bytes do not have the hash of `identity`.
  /// NoSpace. NoDevice, Io: the flash.
  /// @power_cut the old current image or the new one
  Status import_image(const store::ImageIdentity& identity, mcu::ImageSource& source) noexcept;

  /// Events that did not belong to their phase: a bug of ours, which changed nothing.
  std::uint32_t unexpected_events() const noexcept { return unexpected_events_; }

 private:
  enum class MessageKind : std::uint8_t { None, Offer, Refused, Withdrawn };

  /// The last word of the twin that was not acted on yet: a newer one takes its place.
  struct Message {
    MessageKind kind = MessageKind::None;
    contract::Offer offer;
    contract::Code code = contract::Code::None;
    FixedText<contract::kDetailBytesMax> detail;
  };

  // updater.cpp: the loop, the journal and the flash as a whole.
  bool storage_ready() noexcept;
  void lose_storage() noexcept;
  void load(store::MountOutcome mounted) noexcept;
  bool commit(const Journal& next) noexcept;
  void apply(const Event& event) noexcept;
  void enter(const Journal& before, Effect effect_before) noexcept;
  std::optional<Instant> deadline() const noexcept;
  void check_deadline() noexcept;
  void rest_begins() noexcept;
  void erase_ahead(const Cancel& cancel) noexcept;
  std::optional<Instant> next_wake() noexcept;

  // updater_reports.cpp
  void report_state() noexcept;
  void report_loss() noexcept;
  void report_outcome() noexcept;
  void repeat_outcome() noexcept;
  contract::Report report_of_phase() const noexcept;
  std::uint8_t progress_percent() const noexcept;

  // updater_offers.cpp
  void take_message() noexcept;
  void take_offer() noexcept;
  void take_refusal(contract::Code code, const store::Target& target) noexcept;
  void take_running(const store::Target& target) noexcept;
  void take_same_work() noexcept;
  void free_mcu() noexcept;
  bool take_event(const Event& event) noexcept;
  bool outcome_says(StatusWord status, contract::Code code,
                    const store::Target& target) const noexcept;
  Result<DeviceFacts> facts() noexcept;

  // updater_effects.cpp: nothing means that the work goes on later, or that the flash was lost.
  std::optional<Event> perform(const Cancel& cancel) noexcept;
  std::optional<Event> download(const Cancel& cancel) noexcept;
  std::optional<Event> after_transfer(const fetch::Download& download,
                                      fetch::TransferEnd end) noexcept;
  std::optional<Event> storage_trouble(Errc error) noexcept;
  bool open_candidate() noexcept;
  std::optional<Event> verify() noexcept;
  std::optional<Event> program() noexcept;
  std::optional<Event> ask_mcu() noexcept;
  std::optional<Event> check_promotion() noexcept;
  std::optional<Event> promote() noexcept;
  std::optional<Event> program_previous() noexcept;
  std::optional<Event> ask_previous() noexcept;
  Event program_event(const Status& done, EventKind success, EventKind failure) noexcept;
  bool reports_version(std::string_view wanted) noexcept;
  Result<bool> holds_target(store::Slot slot) noexcept;
  void on_stored(std::uint32_t candidate_bytes) noexcept override;

  store::Store& store_;
  fetch::Transport& transport_;
  mcu::Programmer& programmer_;
  ReportSink& reports_;
  TruthKeeper& truth_;
  Clock& clock_;
  Random& random_;
  Settings settings_;

  Journal journal_;
  Effect effect_ = Effect::Rest;
  Message message_;
  std::optional<contract::Offer> offer_;  // of the work in hand: its address and token
  FixedText<contract::kDetailBytesMax> refusal_detail_;
  std::uint32_t unexpected_events_ = 0;

  Instant phase_began_{};
  Instant not_before_{};    // of the next piece of work
  Instant ask_deadline_{};  // until which the MCU may report its version
  Progress progress_;
  Backoff backoff_;
  contract::Code network_code_ = contract::Code::None;
  FixedText<64> etag_;              // of the open candidate
  std::uint32_t stored_bytes_ = 0;  // of the candidate, for reports
  bool has_current_ = false;        // an image to go back to

  std::optional<Instant> erase_ahead_at_;  // nothing: not at rest, or all is erased

  bool previous_doubted_ = false;  // the current image had a wrong hash once

  std::uint8_t busy_tries_ = 0;  // tries in a row that found the MCU held by somebody else

  bool storage_lost_ = true;
  bool loss_reported_ = false;
  Instant mount_at_{};
  Duration mount_pause_{};
  Instant outcome_at_{};
  Duration outcome_pause_{};
};

}  // namespace ota::engine
