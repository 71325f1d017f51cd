#include "cloud/rollout/forecast.hpp"

#include <algorithm>
#include <cmath>

#include "contract/azure/names.hpp"

namespace ota::rollout {
namespace {

using What = ForecastStep::What;

/// Targets of one storage account and one blob (general purpose v2).
constexpr double kBlobRequestsPerSecond = 500;
constexpr double kEgressBytesPerSecond = 50e9 / 8;
/// Generous sizes of what is metered: the patch with the offer, a report, the whole twin.
constexpr std::uint32_t kOfferBytes = 1024;
constexpr std::uint32_t kReportBytes = 512;
constexpr std::uint32_t kTwinBytes = 2048;

double chunks(std::uint32_t bytes, std::uint32_t chunk) {
  return std::ceil(static_cast<double>(bytes) / chunk);
}

ForecastStep rated(What what, double amount, double per_second) {
  return {.what = what,
          .amount = amount,
          .per_second = per_second,
          .seconds = per_second > 0 ? amount / per_second : 0};
}

/// The first day's quota is there at once; each further day has to be waited for.
ForecastStep daily(double messages, const Quotas& quotas) {
  const double days = std::ceil(messages / static_cast<double>(quotas.messages_per_day));
  return {.what = What::DailyMessages,
          .amount = messages,
          .per_second =
              static_cast<double>(quotas.messages_per_day) / static_cast<double>(kSecondsPerDay),
          .seconds = std::max(0.0, days - 1) * static_cast<double>(kSecondsPerDay)};
}

std::string whole(double number) {
  std::string text = std::to_string(static_cast<std::int64_t>(std::llround(number)));
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string name_of(const Quotas& quotas) {
  return std::string(to_text(quotas.tier)) + " with " + std::to_string(quotas.units) +
         (quotas.units == 1 ? " unit" : " units");
}

}  // namespace

std::string_view to_text(What what) {
  switch (what) {
    case What::Cadence:
      return "cadence";
    case What::Connections:
      return "connections";
    case What::TwinReads:
      return "twin_reads";
    case What::TwinUpdates:
      return "twin_updates";
    case What::DailyMessages:
      return "daily_messages";
    case What::BlobRequests:
      return "blob_requests";
    case What::Egress:
      return "egress";
  }
  return "cadence";
}

Forecast forecast(const ForecastInput& input, const std::optional<Quotas>& quotas) {
  const auto devices = static_cast<double>(std::max<std::int64_t>(0, input.devices));
  Forecast out{.egress_bytes = devices * static_cast<double>(input.image_bytes)};
  if (!quotas) return out;
  const std::uint32_t meter = quotas->message_bytes;
  out.messages = devices * (chunks(kOfferBytes, meter) + chunks(kTwinBytes, meter) +
                            input.reports * chunks(kReportBytes, meter));
  const auto offline = static_cast<double>(std::max<std::int64_t>(0, input.offline));
  out.steps = {rated(What::Connections, offline, quotas->connections_per_s),
               rated(What::TwinReads, devices, quotas->twin_reads_per_s),
               rated(What::TwinUpdates, devices * (1 + input.reports), quotas->twin_updates_per_s),
               daily(out.messages, *quotas),
               rated(What::BlobRequests, devices, kBlobRequestsPerSecond),
               rated(What::Egress, out.egress_bytes, kEgressBytesPerSecond)};
  const auto by_time = [](const ForecastStep& a, const ForecastStep& b) {
    return a.seconds < b.seconds;
  };
  out.bottleneck = *std::max_element(out.steps.begin(), out.steps.end(), by_time);
  const ForecastStep cadence{.what = What::Cadence,
                             .seconds = devices > 0 ? static_cast<double>(kCadenceSeconds) : 0};
  out.seconds = cadence.seconds + out.bottleneck.seconds;
  if (cadence.seconds >= out.bottleneck.seconds) out.bottleneck = cadence;
  out.steps.insert(out.steps.begin(), cadence);
  return out;
}

std::string bottleneck_sentence(const Forecast& forecast, const std::optional<Quotas>& quotas) {
  if (!quotas) return "The local hub keeps no quotas: only the devices and their line decide.";
  const ForecastStep& step = forecast.bottleneck;
  const std::string rate = whole(step.per_second) + " a second";
  switch (step.what) {
    case What::Cadence:
      if (forecast.seconds <= 0) return "No device needs the image, so nothing has to be sent.";
      return "The hub's own rhythm decides: it tells its devices within five minutes.";
    case What::Connections:
      return "The new connections decide: " + whole(step.amount) + " at " + rate + " (" +
             name_of(*quotas) + ").";
    case What::TwinReads:
      return "The reading of twins decides: " + whole(step.amount) + " at " + rate + " (" +
             name_of(*quotas) + ").";
    case What::TwinUpdates:
      return "The updates of twins (an offer and " + std::to_string(kReportsPerUpdate) +
             " reports for each device) decide: " + whole(step.amount) + " at " + rate + " (" +
             name_of(*quotas) + ").";
    case What::DailyMessages:
      return "The daily quota of messages decides: " + whole(step.amount) +
             " are needed, a day has " + whole(static_cast<double>(quotas->messages_per_day)) +
             " (" + name_of(*quotas) + "); more units or a higher edition shorten it.";
    case What::BlobRequests:
      return "The requests to one blob decide: " + whole(step.amount) + " at " + rate + ".";
    case What::Egress:
      return "The storage account's line decides: 50 Gbit/s.";
  }
  return {};
}

Outcome<Audience> find_audience(rest::HubClient& hub, const DeployRequest& request) {
  const DeployedRelease planned{.product = request.product,
                                .group = request.group,
                                .version = request.version,
                                .revision = 1};
  OTA_TRY(const TallyCount count, count_by_query(hub, planned));
  Audience out{.tally = count.tally};
  OTA_TRY(out.online,
          count_devices_where(hub, contract::target_condition(request.product, request.group) +
                                       " AND connectionState = 'Connected'"));
  return out;
}

}  // namespace ota::rollout
