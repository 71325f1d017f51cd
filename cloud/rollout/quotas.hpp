#pragma once

// What an edition of IoT Hub allows, as numbers for arithmetic and for the rhythm of looking.
// Source: "IoT Hub quotas and throttling", tables of 02/2023.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace ota::rollout {

enum class Tier : std::uint8_t { F1, S1, S2, S3 };

std::optional<Tier> read_tier(std::string_view text);
std::string_view to_text(Tier tier);

/// Of a whole hub, all its units together.
struct Quotas {
  Tier tier = Tier::S1;
  std::uint32_t units = 1;
  double connections_per_s = 0;
  double twin_reads_per_s = 0;
  double twin_updates_per_s = 0;  // desired, reported and tags together
  double queries_per_min = 0;
  double configuration_calls_per_min = 0;
  std::uint64_t messages_per_day = 0;
  std::uint32_t message_bytes = 0;  // what counts as one
};

Quotas quotas_of(Tier tier, std::uint32_t units);

/// How often one operator may look without being in the way of others: a quarter of what the hub
/// allows, and never more than once a second.
struct Pace {
  Duration per_query = std::chrono::seconds(1);
  Duration per_configuration_call = std::chrono::seconds(1);
};

/// @param quotas  nothing: a local hub, which keeps none
Pace pace_of(const std::optional<Quotas>& quotas);

}  // namespace ota::rollout
