#pragma once

#include <cstdint>
#include <string>

#include "sim/world/campaign.hpp"
#include "sim/world/cut_case.hpp"

namespace ota::sim {

struct PowerCutPlan {
  std::uint64_t seed = 1;
  unsigned jobs = 1;
  std::uint64_t sample = 1;       // each n-th of the enumerated cuts and pairs
  std::uint64_t chains = 60'000;  // lives with up to five cuts at random places
  Progress progress = {};
};

/// Cuts every step of every story, with every kind of tear; every pair of cuts of the tiny story;
/// and random chains of cuts.
CampaignResult power_cut_campaign(const PowerCutPlan& plan);

/// Lives one case again. @param line gets its history
CampaignResult replay(const CutCase& life, std::uint64_t seed, Trace::Line line);

}  // namespace ota::sim
