#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sim/world/campaign.hpp"

namespace ota::sim {

/// More would meet the worlds of the next seed.
inline constexpr std::uint64_t kFaultWorldsMax = 1'000'000;

struct FaultPlan {
  std::uint64_t seed = 1;
  unsigned jobs = 1;
  std::uint64_t worlds = 1000;
  Progress progress = {};
};

/// Devices with bad luck, each through some updates: power, restarts, flash, network, server, hub,
/// operator and MCU fail in any mixture. Then all is well again, and each device must come to rest
/// with the truth told, and take the next good release.
CampaignResult fault_campaign(const FaultPlan& plan);

/// A failing world is named `world@NUMBER`.
std::optional<std::uint64_t> parse_fault_world(std::string_view text);
CampaignResult replay_faults(std::uint64_t world, Trace::Line line);

}  // namespace ota::sim
