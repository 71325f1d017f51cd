#pragma once

// One update from offer to outcome: event = perform(effect); step = transition(journal, event);
// commit; next effect. Table of phases: docs/engine-transitions.md. Single-threaded: every call
// comes from the update thread.

#include <cstdint>
#include <optional>

#include "base/cancel.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "contract/offer.hpp"
#include "contract/status.hpp"
#include "device/core/engine/ports.hpp"
#include "device/core/fetch/transport.hpp"
#include "device/core/mcu/programmer.hpp"
#include "device/core/store/store.hpp"

namespace ota::engine {

struct Settings {
  FixedText<contract::kProductBytesMax> product;  // empty: any product is accepted
  Duration confirm_timeout = std::chrono::seconds(120);
  Duration confirm_interval =
      std::chrono::seconds(2);  // between two questions for the MCU's version
};

class Updater {
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

  /// Brings an image from a local file as the current one (mcu-ota-agent import): gives rollback
  /// something to go back to.
  // Declared by the implementation.

 private:
  // Members are up to the implementation.
};

}  // namespace ota::engine
