#include "cloud/hub/core/throttle.hpp"

#include <algorithm>
#include <cmath>
#include <string>

namespace ota::hub {

namespace {

struct Rate {
  std::string_view name;
  double period_s;
  double f1_s1, s2, s3;  // per period
};
constexpr std::array<Rate, kOperations> kRates = {{
    {"identity operations", 60, 100, 100, 5000},
    {"new connections", 1, 100, 120, 6000},
    {"twin reads", 1, 100, 100, 500},
    {"twin updates", 1, 50, 50, 250},
    {"queries", 60, 20, 20, 1000},
    {"direct method calls (4 KB each)", 1, 40, 120, 6144},
    {"cloud-to-device messages", 60, 100, 100, 5000},
    {"configuration operations", 60, 20, 20, 20},
    {"job operations", 60, 100, 100, 5000},
    {"devices of jobs", 1, 10, 10, 50},
    {"enrollment operations", 60, 1000, 1000, 1000},
    {"device registrations", 60, 1000, 1000, 1000},
}};

const Rate& rate_of(Operation operation) { return kRates[static_cast<std::size_t>(operation)]; }

double per_period(const Rate& rate, Tier tier) {
  if (tier == Tier::S2) return rate.s2;
  return tier == Tier::S3 ? rate.s3 : rate.f1_s1;
}

}  // namespace

std::optional<Tier> tier_of(std::string_view name) {
  constexpr std::array<std::string_view, 5> kNames = {"none", "f1", "s1", "s2", "s3"};
  const auto* const found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Tier>(found - kNames.begin());
}

Quotas quotas_of(Tier tier) {
  switch (tier) {
    case Tier::F1:
      return {.devices_max = 500, .configurations_max = 10, .active_jobs_max = 1};
    case Tier::S1:
      return {.devices_max = 1'000'000, .configurations_max = 100, .active_jobs_max = 1};
    case Tier::S2:
      return {.devices_max = 1'000'000, .configurations_max = 100, .active_jobs_max = 5};
    case Tier::None:
    case Tier::S3:
      break;
  }
  return {.devices_max = 1'000'000, .configurations_max = 100, .active_jobs_max = 10};
}

Throttle::Bucket& Throttle::refilled(Operation operation, double capacity, double per_second) {
  Bucket& bucket = buckets_[static_cast<std::size_t>(operation)];
  const contract::UnixSeconds now = settings_.now();
  // A wall clock may be set back; then the bucket waits for nothing.
  const auto passed =
      static_cast<double>(std::max<contract::UnixSeconds>(now - bucket.filled_at, 0));
  bucket.level =
      bucket.filled_at == 0 ? capacity : std::min(capacity, bucket.level + passed * per_second);
  bucket.filled_at = now;
  return bucket;
}

std::optional<std::int64_t> Throttle::available(Operation operation) {
  if (settings_.tier == Tier::None) return std::nullopt;
  const Rate& rate = rate_of(operation);
  const double capacity = per_period(rate, settings_.tier);
  return static_cast<std::int64_t>(refilled(operation, capacity, capacity / rate.period_s).level);
}

Outcome<Ok> Throttle::take(Operation operation, std::int64_t amount) {
  if (settings_.tier == Tier::None) return Ok{};
  const Rate& rate = rate_of(operation);
  const double capacity = per_period(rate, settings_.tier);
  const double per_second = capacity / rate.period_s;
  Bucket& bucket = refilled(operation, capacity, per_second);
  // More than a whole bucket must be possible too: it takes all, and others wait the longer.
  const double needed = std::min(static_cast<double>(amount), capacity);
  constexpr double kRounding = 1e-6;
  if (bucket.level + kRounding >= needed) {
    bucket.level -= static_cast<double>(amount);
    return Ok{};
  }
  const double wait_s = std::max(1.0, std::ceil((needed - bucket.level) / per_second - kRounding));
  return Failure{code::kThrottled,
                 "too many " + std::string(rate.name) + ": the hub's edition allows " +
                     std::to_string(static_cast<int>(capacity)) + " in " +
                     std::to_string(static_cast<int>(rate.period_s)) + " s; try again in " +
                     std::to_string(static_cast<int>(wait_s)) + " s",
                 static_cast<std::uint32_t>(wait_s)};
}

}  // namespace ota::hub
