#pragma once

// How long a rollout takes at least, from the hub's quotas alone. What a device needs for itself
// (its line, its flash, its MCU) comes on top. Source of the arithmetic: the quotas and throttles
// of IoT Hub and the scalability targets of Blob Storage.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cloud/rollout/deploy.hpp"
#include "cloud/rollout/quotas.hpp"
#include "cloud/rollout/tally.hpp"

namespace ota::rollout {

/// Reports of one device about one update: downloading, verified, programming, and the outcome.
inline constexpr std::uint32_t kReportsPerUpdate = 4;

/// Automatic device management looks at all configurations every five minutes.
inline constexpr std::int64_t kCadenceSeconds = 300;

/// One limit, and the time that the rollout needs because of it.
struct ForecastStep {
  enum class What : std::uint8_t {
    Cadence,        // until the hub tells its devices
    Connections,    // the devices that are offline connect
    TwinReads,      // each device reads its twin once
    TwinUpdates,    // the offers and the reports
    DailyMessages,  // days that the message quota has to be waited for
    BlobRequests,   // on one blob
    Egress,         // of the storage account
  } what = What::Cadence;
  double amount = 0;
  double per_second = 0;  // 0: not a rate
  double seconds = 0;
};

/// "twin_updates", for programs.
std::string_view to_text(ForecastStep::What what);

struct ForecastInput {
  std::int64_t devices = 0;  // that need the image
  std::int64_t offline = 0;  // of these
  std::uint64_t image_bytes = 0;
  std::uint32_t reports = kReportsPerUpdate;
};

struct Forecast {
  std::vector<ForecastStep> steps = {};
  ForecastStep bottleneck = {};  // the slowest step
  double seconds = 0;            // all others run beside it, after the cadence
  double messages = 0;           // as the hub counts them
  double egress_bytes = 0;
};

/// @param quotas  nothing: a local hub, which keeps none; only the bytes are counted
Forecast forecast(const ForecastInput& input, const std::optional<Quotas>& quotas);

/// What decides, in one sentence.
std::string bottleneck_sentence(const Forecast& forecast, const std::optional<Quotas>& quotas);

/// Who would get a release now.
struct Audience {
  Tally tally = {};
  std::int64_t online = 0;

  std::int64_t to_update() const { return tally.targeted - tally.done - tally.newer; }
};

Outcome<Audience> find_audience(rest::HubClient& hub, const DeployRequest& request);

}  // namespace ota::rollout
