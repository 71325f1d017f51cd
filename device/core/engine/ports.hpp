#pragma once

// What the update engine needs from its host beside flash, transport and programmer.

#include <cstdint>
#include <optional>

#include "base/clock.hpp"
#include "contract/status.hpp"
#include "device/core/store/journal.hpp"

namespace ota::engine {

/// Takes reports towards the hub. An outcome carries its number and is repeated until
/// Updater::acknowledged(number).
class ReportSink {
 public:
  /// @param outcome_number 0 for progress and phase changes, which may be lost
  virtual void report(const contract::Report& report, std::uint32_t outcome_number) noexcept = 0;

 protected:
  ~ReportSink() = default;
};

/// A copy, outside the flash chip, of what must survive the loss of the chip.
struct Truth {
  std::uint32_t mcu_version = 0;  // 0 also while the MCU is in our hands
  FixedText<contract::kMcuVersionBytesMax> mcu_version_text;
  store::Refusal refusal;
  store::Outcome outcome;

  friend constexpr bool operator==(const Truth&, const Truth&) noexcept = default;
};

class TruthKeeper {
 public:
  virtual std::optional<Truth> load() noexcept = 0;
  /// Durable when it returns. Failure is the keeper's to log; the flash still holds the truth.
  virtual void save(const Truth& truth) noexcept = 0;

 protected:
  ~TruthKeeper() = default;
};

}  // namespace ota::engine
