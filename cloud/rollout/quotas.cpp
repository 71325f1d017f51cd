#include "cloud/rollout/quotas.hpp"

#include <algorithm>
#include <array>

namespace ota::rollout {
namespace {

constexpr std::array<std::string_view, 4> kTiers = {"F1", "S1", "S2", "S3"};  // in Tier's order
constexpr double kShare = 0.25;

Duration every(double calls_per_min) {
  const auto pause = std::chrono::duration<double>(60.0 / (calls_per_min * kShare));
  return std::max<Duration>(std::chrono::seconds(1), std::chrono::duration_cast<Duration>(pause));
}

}  // namespace

std::optional<Tier> read_tier(std::string_view text) {
  const auto it = std::find(kTiers.begin(), kTiers.end(), text);
  if (it == kTiers.end()) return std::nullopt;
  return static_cast<Tier>(it - kTiers.begin());
}

std::string_view to_text(Tier tier) { return kTiers.at(static_cast<std::size_t>(tier)); }

Quotas quotas_of(Tier tier, std::uint32_t units) {
  const std::uint32_t count = std::max(units, 1U);
  const double n = count;
  Quotas out{.tier = tier,
             .units = count,
             .connections_per_s = std::max(100.0, 12.0 * n),
             .twin_reads_per_s = 100,
             .twin_updates_per_s = 50,
             .queries_per_min = 20 * n,
             .configuration_calls_per_min = 20 * n,
             .messages_per_day = 400'000ULL * count,
             .message_bytes = 4096};
  switch (tier) {
    case Tier::F1:
      out.messages_per_day = 8'000;
      out.message_bytes = 512;
      break;
    case Tier::S1:
      break;
    case Tier::S2:
      out.connections_per_s = 120 * n;
      out.twin_reads_per_s = std::max(100.0, 10 * n);
      out.twin_updates_per_s = std::max(50.0, 5 * n);
      out.messages_per_day = 6'000'000ULL * count;
      break;
    case Tier::S3:
      out.connections_per_s = 6'000 * n;
      out.twin_reads_per_s = 500 * n;
      out.twin_updates_per_s = 250 * n;
      out.queries_per_min = 1'000 * n;
      out.messages_per_day = 300'000'000ULL * count;
      break;
  }
  return out;
}

Pace pace_of(const std::optional<Quotas>& quotas) {
  if (!quotas) return {};
  return {.per_query = every(quotas->queries_per_min),
          .per_configuration_call = every(quotas->configuration_calls_per_min)};
}

}  // namespace ota::rollout
