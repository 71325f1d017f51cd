#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <iostream>
#include <thread>

#include "cli/campaign_text.hpp"
#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "sim/world/fault_campaign.hpp"
#include "sim/world/power_cut_campaign.hpp"

namespace ota::cli {
namespace {

constexpr unsigned kJobsMax = 1024;
constexpr std::uint64_t kCountMax = 1'000'000'000;

/// One line on standard error that is drawn over; silent where nobody watches.
class CampaignProgress {
 public:
  explicit CampaignProgress(const Context& context)
      : draws_(context.progress_wanted && stderr_is_terminal()) {}
  CampaignProgress(const CampaignProgress&) = delete;
  CampaignProgress& operator=(const CampaignProgress&) = delete;
  ~CampaignProgress() {
    if (percent_drawn_ >= 0) std::cerr << "\n";
  }

  sim::Progress listener() {
    if (!draws_) return {};
    return [this](std::string_view part, std::uint64_t begun, std::uint64_t count) {
      const int percent = static_cast<int>(begun * 100 / count);
      if (percent == percent_drawn_) return;
      percent_drawn_ = percent;
      std::cerr << "\r" << part << " " << percent << " %    " << std::flush;
    };
  }

 private:
  bool draws_;
  int percent_drawn_ = -1;
};

/// Lives the worlds and says what came of them.
ExitCode run_campaign(const Context& context, CampaignRun run,
                      const std::function<sim::CampaignResult(const sim::Progress&)>& live) {
  spdlog::set_level(spdlog::level::off);  // thousands of devices would complain about their faults
  {
    CampaignProgress progress(context);
    const auto begin = std::chrono::steady_clock::now();
    run.result = live(progress.listener());
    run.host_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  std::cout << (context.format == Format::Json ? campaign_json(run) : campaign_text(run));
  return run.result.bad == 0 ? ExitCode::Ok : ExitCode::Failed;
}

/// Lives one world again, line by line.
ExitCode replay_case(const Context& context, CampaignRun run,
                     const std::function<sim::CampaignResult(sim::Trace::Line)>& live) {
  spdlog::set_level(spdlog::level::off);
  run.result = live([&run](std::string_view line) { run.history.emplace_back(line); });
  if (context.format == Format::Json) {
    std::cout << campaign_json(run);
  } else {
    for (const std::string& line : run.history) std::cout << printable(line) << "\n";
    std::cout << "\n";
    for (const sim::Failure& failure : run.result.failures) {
      for (const auto& promise : failure.broken)
        std::cout << "broken: " << printable(promise) << "\n";
    }
    std::cout << campaign_verdict(run);
  }
  return run.result.bad == 0 ? ExitCode::Ok : ExitCode::Failed;
}

ExitCode no_case(const Context& context, const std::string& text, const std::string& example) {
  return report(context, {.exit_code = ExitCode::Usage,
                          .code = "usage",
                          .message = "--replay: '" + text + "' is no case; one looks like " +
                                     example + ", as the campaign prints it"});
}

struct PowerCutOptions {
  sim::PowerCutPlan plan;
  std::string replay;
};

ExitCode run_power_cut(const Context& context, const PowerCutOptions& options) {
  CampaignRun run{
      .campaign = Campaign::PowerCut, .seed = options.plan.seed, .jobs = options.plan.jobs};
  if (options.replay.empty()) {
    return run_campaign(context, std::move(run), [&](const sim::Progress& progress) {
      sim::PowerCutPlan plan = options.plan;
      plan.progress = progress;
      return sim::power_cut_campaign(plan);
    });
  }
  const auto life = sim::parse_cut_case(options.replay);
  if (!life) return no_case(context, options.replay, "update:1,flash@10/power/s1");
  return replay_case(context, std::move(run), [&](sim::Trace::Line line) {
    return sim::replay(*life, options.plan.seed, std::move(line));
  });
}

struct FaultOptions {
  sim::FaultPlan plan;
  std::string replay;
};

ExitCode run_faults(const Context& context, const FaultOptions& options) {
  CampaignRun run{
      .campaign = Campaign::Faults, .seed = options.plan.seed, .jobs = options.plan.jobs};
  if (options.replay.empty()) {
    return run_campaign(context, std::move(run), [&](const sim::Progress& progress) {
      sim::FaultPlan plan = options.plan;
      plan.progress = progress;
      return sim::fault_campaign(plan);
    });
  }
  const auto world = sim::parse_fault_world(options.replay);
  if (!world) return no_case(context, options.replay, "world@1000017");
  return replay_case(context, std::move(run), [&](sim::Trace::Line line) {
    return sim::replay_faults(*world, std::move(line));
  });
}

/// The options that each campaign has.
void add_common(CLI::App& verb, std::uint64_t& seed, unsigned& jobs) {
  jobs = std::clamp(std::thread::hardware_concurrency(), 1U, kJobsMax);
  verb.add_option("--seed", seed, "Decides everything: the same seed gives the same trace")
      ->capture_default_str();
  verb.add_option("--jobs", jobs, "Worlds at the same time; each takes one core")
      ->check(CLI::Range(1U, kJobsMax))
      ->capture_default_str();
}

void add_power_cut(CLI::App& sim, Context& context) {
  auto options = std::make_shared<PowerCutOptions>();
  sim::PowerCutPlan& plan = options->plan;
  CLI::App* verb = sim.add_subcommand(
      "power-cut", "Cut the power of a device at each step of its life, in every way");
  add_common(*verb, plan.seed, plan.jobs);
  CLI::Option* sample = verb->add_option("--sample", plan.sample,
                                         "Only each N-th of the listed cuts and pairs of cuts")
                            ->type_name("N")
                            ->check(CLI::Range(std::uint64_t{1}, kCountMax))
                            ->capture_default_str();
  CLI::Option* chains =
      verb->add_option("--chains", plan.chains, "Lives with up to five cuts at random places")
          ->type_name("N")
          ->check(CLI::Range(std::uint64_t{0}, kCountMax))
          ->capture_default_str();
  verb->add_option("--replay", options->replay,
                   "Live one case again and print its history (with the --seed of its campaign)")
      ->type_name("CASE")
      ->excludes(sample)
      ->excludes(chains);
  verb->footer(
      "The real driver, littlefs, store, journal, engine, download rules and hub session run in\n"
      "virtual time against a simulated flash, MCU, server and hub. Exit code 1 if a promise of\n"
      "docs/reliability.md is broken; the case is printed then.\n"
      "A case is a story with its seed, then cuts: STEP@N/power or STEP@N/reset, STEP one of\n"
      "flash, mcu, disk, net, hub; /sN the seed of its tear, /pN and /eN a kind of tear.\n"
      "Stories: first, update, rollback, refused, twice, tiny.\n"
      "Examples:\n"
      "  mcu-ota sim power-cut                            # everything\n"
      "  mcu-ota sim power-cut --sample 500 --chains 20   # a taste of it, in seconds\n"
      "  mcu-ota sim power-cut --seed 7 --json | jq .bad\n"
      "  mcu-ota sim power-cut --replay update:1,flash@10/power/s1\n");
  verb->callback([options, &context] {
    context.run = [options, &context] { return run_power_cut(context, *options); };
  });
}

void add_faults(CLI::App& sim, Context& context) {
  auto options = std::make_shared<FaultOptions>();
  sim::FaultPlan& plan = options->plan;
  CLI::App* verb = sim.add_subcommand(
      "faults", "Let power, flash, network, server, hub, operator and MCU fail in any mixture");
  add_common(*verb, plan.seed, plan.jobs);
  CLI::Option* worlds =
      verb->add_option("--worlds", plan.worlds, "Devices; each lives through some updates")
          ->type_name("N")
          ->check(CLI::Range(std::uint64_t{1}, sim::kFaultWorldsMax))
          ->capture_default_str();
  verb->add_option("--replay", options->replay, "Live one world again and print its history")
      ->type_name("WORLD")
      ->excludes(worlds);
  verb->footer(
      "After the last fault each device must come to rest with the truth told, and take the next\n"
      "release. Exit code 1 if a promise of docs/reliability.md is broken.\n"
      "Examples:\n"
      "  mcu-ota sim faults\n"
      "  mcu-ota sim faults --worlds 100000 --seed 7 --json | jq .failures\n"
      "  mcu-ota sim faults --replay world@1000017\n");
  verb->callback([options, &context] {
    context.run = [options, &context] { return run_faults(context, *options); };
  });
}

}  // namespace

void add_sim(CLI::App& app, Context& context) {
  CLI::App* sim = app.add_subcommand("sim", "Simulated devices that everything happens to");
  sim->require_subcommand(1);
  add_power_cut(*sim, context);
  add_faults(*sim, context);
}

}  // namespace ota::cli
