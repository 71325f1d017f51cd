#include "cli/campaign_text.hpp"

#include <cinttypes>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/output.hpp"
#include "cli/text_of.hpp"
#include "sim/world/judge.hpp"

namespace ota::cli {
namespace {

using sim::CampaignResult;
using sim::Failure;

const char* verb_of(Campaign campaign) {
  return campaign == Campaign::PowerCut ? "power-cut" : "faults";
}

/// What lives one of the run's worlds again. A world of faults is named by its own seed.
std::string replay_command(const CampaignRun& run, const std::string& world) {
  const std::string seed =
      run.campaign == Campaign::PowerCut ? " --seed " + std::to_string(run.seed) : "";
  return std::string("mcu-ota sim ") + verb_of(run.campaign) + seed + " --replay " + world;
}

std::string hex16(std::uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016" PRIx64, value);
  return text;
}

std::string decimal(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

double seconds(Duration duration) { return static_cast<double>(duration.count()) / 1e6; }

double worlds_per_s(const CampaignRun& run) {
  return run.host_s > 0 ? static_cast<double>(run.result.worlds) / run.host_s : 0;
}

std::string figures(const CampaignRun& run) {
  const CampaignResult& result = run.result;
  Table table({"seed", std::to_string(run.seed)});
  table.add({"worlds", grouped_text(result.worlds)});
  table.add({"cuts", grouped_text(result.cuts)});
  table.add({"updates", grouped_text(result.updates)});
  table.add({"flash operations", grouped_text(result.operations)});
  table.add({"requests", grouped_text(result.requests)});
  table.add({"fetched again", "at most " + grouped_text(result.worst_refetch_bytes) +
                                  " bytes in one go (limit " + grouped_text(sim::kRefetchMaxBytes) +
                                  ")"});
  if (!result.worst_recovery_world.empty()) {
    table.add({"recovery", "at most " + decimal(seconds(result.worst_recovery)) +
                               " s of virtual time: " + result.worst_recovery_world});
  }
  table.add({"trace", hex16(result.trace)});
  table.add({"host time", decimal(run.host_s) + " s on " + std::to_string(run.jobs) +
                              (run.jobs == 1 ? " core, " : " cores, ") +
                              decimal(worlds_per_s(run)) + " worlds per second"});
  return table.text();
}

std::string failures(const CampaignRun& run) {
  std::string text;
  for (const Failure& failure : run.result.failures) {
    text += "\nbad: " + failure.world + "\n";
    for (const std::string& promise : failure.broken) text += "  " + printable(promise) + "\n";
    text += "  again: " + replay_command(run, failure.world) + "\n";
  }
  const std::uint64_t more = run.result.bad - run.result.failures.size();
  if (more > 0) text += "\nbad: " + grouped_text(more) + " more worlds\n";
  return text.empty() ? text : text + "\n";
}

}  // namespace

std::string campaign_verdict(const CampaignRun& run) {
  const CampaignResult& result = run.result;
  std::string text = std::string(verb_of(run.campaign)) + ": ";
  if (run.campaign == Campaign::Faults) {
    text +=
        std::to_string(result.worlds) + " worlds, " + std::to_string(result.updates) + " updates, ";
  } else {
    text += std::to_string(result.cuts) + " cuts, ";
  }
  return text + std::to_string(result.bad) + " bad, worst refetch " +
         std::to_string(result.worst_refetch_bytes) + " bytes\n";
}

std::string campaign_text(const CampaignRun& run) {
  return figures(run) + failures(run) + campaign_verdict(run);
}

std::string campaign_json(const CampaignRun& run) {
  const CampaignResult& result = run.result;
  nlohmann::json failed = nlohmann::json::array();
  for (const Failure& failure : result.failures) {
    failed.push_back({{"world", failure.world}, {"broken", failure.broken}});
  }
  nlohmann::json document = {{"schema", kJsonSchema},
                             {"campaign", verb_of(run.campaign)},
                             {"seed", run.seed},
                             {"jobs", run.jobs},
                             {"worlds", result.worlds},
                             {"cuts", result.cuts},
                             {"updates", result.updates},
                             {"operations", result.operations},
                             {"requests", result.requests},
                             {"bad", result.bad},
                             {"worst_refetch_bytes", result.worst_refetch_bytes},
                             {"worst_recovery_s", seconds(result.worst_recovery)},
                             {"worst_recovery_world", result.worst_recovery_world},
                             {"trace", hex16(result.trace)},
                             {"host_s", run.host_s},
                             {"worlds_per_s", worlds_per_s(run)},
                             {"failures", std::move(failed)}};
  if (!run.history.empty()) document["history"] = run.history;
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace ota::cli
