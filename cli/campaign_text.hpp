#pragma once

// What came of a campaign, for people and for programs.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/world/campaign.hpp"

namespace ota::cli {

enum class Campaign { PowerCut, Faults };

struct CampaignRun {
  Campaign campaign = Campaign::PowerCut;
  std::uint64_t seed = 1;
  unsigned jobs = 1;
  double host_s = 0;
  sim::CampaignResult result = {};
  std::vector<std::string> history = {};  // of a single case
};

/// Figures, then what failed with the command that lives it again. The last line is for scripts.
std::string campaign_text(const CampaignRun& run);

/// "power-cut: 120000 cuts, 0 bad, worst refetch 66592 bytes"
std::string campaign_verdict(const CampaignRun& run);

/// One object; docs/cli.md has its members.
std::string campaign_json(const CampaignRun& run);

}  // namespace ota::cli
