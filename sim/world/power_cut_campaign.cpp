#include "sim/world/power_cut_campaign.hpp"

#include <algorithm>
#include <array>
#include <map>

namespace ota::sim {
namespace {

constexpr std::uint64_t kChainCutsMax = 5;
constexpr std::uint64_t kRecoverySteps = 40;  // cuts that are meant to hit a recovery fall so soon
constexpr std::uint64_t kPairsMax = 4'000;    // steps after a restart; more would be a loop

using StepCounts = std::array<std::uint64_t, kStepCount>;

class PowerCutCampaign {
 public:
  explicit PowerCutCampaign(const PowerCutPlan& plan) : plan_(plan), book_(plan.seed) {}

  CampaignResult run() {
    CampaignResult result;
    for (const Story story : kStories) count_steps(story, result);
    const std::vector<CutCase> singles = every_single_cut();
    result.add(run_campaign(
        singles.size(), plan_.jobs,
        [&](std::uint64_t i, CampaignResult& sum) { live(singles[i], sum); }, "single cuts",
        plan_.progress));
    const std::uint64_t firsts = counts_[Story::Tiny][0];
    const std::uint64_t begin = plan_.seed % plan_.sample;
    result.add(run_campaign((firsts + plan_.sample - 1 - begin) / plan_.sample, plan_.jobs,
                            [&](std::uint64_t i, CampaignResult& sum) {
                              every_second_cut(begin + i * plan_.sample, sum);
                            },
                            "pairs of cuts", plan_.progress));
    result.add(run_campaign(
        plan_.chains, plan_.jobs,
        [&](std::uint64_t i, CampaignResult& sum) { live(chain(i), sum); }, "chains of cuts",
        plan_.progress));
    return result;
  }

  /// @returns the cuts that happened
  std::uint64_t live(const CutCase& life, CampaignResult& sum, Trace::Line line = {}) const {
    const auto world = book_.open(life.story, life.seed);
    if (line) world->trace().listen(std::move(line));
    const Duration recovery = book_.live(life.story, *world, life.cuts);
    sum.updates += life.story == Story::Twice ? 2 : 1;
    sum.add(*world, to_text(life), recovery);
    return world->cuts();
  }

 private:
  void count_steps(Story story, CampaignResult& sum) {
    const auto world = book_.open(story, plan_.seed);
    book_.live(story, *world, {});
    sum.add(*world, to_text(CutCase{.story = story, .seed = plan_.seed, .cuts = {}}), {});
    for (std::size_t step = 0; step < kStepCount; ++step) {
      counts_[story][step] = world->steps(static_cast<Step>(step));
    }
  }

  std::vector<CutCase> every_single_cut() const {
    std::vector<CutCase> all;
    const auto add = [&](Story story, const Cut& cut) {
      all.push_back({.story = story, .seed = plan_.seed, .cuts = {cut}});
    };
    for (const auto& [story, counts] : counts_) {
      for (std::size_t step = 0; step < kStepCount; ++step) {
        for (std::uint64_t at = 0; at < counts[step]; ++at) {
          Cut cut{
              .step = static_cast<Step>(step), .at = at, .tear = {.tear_seed = at + plan_.seed}};
          const bool torn = cut.step == Step::FlashOperation;
          for (std::uint8_t tear = 0; tear < (torn ? kEraseTearCount : 1); ++tear) {
            if (torn) cut.tear.erase = static_cast<EraseTear>(tear);
            if (tear < kProgramTearCount) cut.tear.program = static_cast<ProgramTear>(tear);
            add(story, cut);
          }
          cut.kind = Cut::Kind::HostReset;
          add(story, cut);
        }
      }
    }
    std::vector<CutCase> sampled;
    for (std::size_t i = plan_.seed % plan_.sample; i < all.size(); i += plan_.sample) {
      sampled.push_back(std::move(all[i]));
    }
    return sampled;
  }

  void every_second_cut(std::uint64_t first, CampaignResult& sum) const {
    for (std::uint64_t second = 0; second < kPairsMax; ++second) {
      CutCase life{.story = Story::Tiny, .seed = plan_.seed, .cuts = {}};
      for (const std::uint64_t at : {first, second}) {
        life.cuts.push_back(
            {.step = Step::FlashOperation, .at = at, .tear = {.tear_seed = first * 1009 + second}});
      }
      if (live(life, sum) < 2) return;  // it came to rest before the second cut
    }
  }

  CutCase chain(std::uint64_t index) const {
    SplitMix64 random(plan_.seed * 1'000'003 + index);
    CutCase life;
    life.story = kStories[random.below(kStories.size())];
    life.seed = random.next() >> 32U;
    const StepCounts& counts = counts_.at(life.story);
    const std::uint64_t cuts = 1 + random.below(kChainCutsMax);
    for (std::uint64_t i = 0; i < cuts; ++i) {
      Cut cut;
      if (random.below(3) == 0) cut.step = static_cast<Step>(random.below(kStepCount));
      if (random.below(4) == 0) cut.kind = Cut::Kind::HostReset;
      const std::uint64_t all = counts[static_cast<std::size_t>(cut.step)] + 1;
      const bool early = i > 0 && random.below(2) == 0;
      cut.at = random.below(early ? std::min(all, kRecoverySteps) : all);
      cut.tear.tear_seed = random.next() >> 32U;
      life.cuts.push_back(cut);
    }
    return life;
  }

  PowerCutPlan plan_;
  StoryBook book_;
  std::map<Story, StepCounts> counts_;
};

}  // namespace

CampaignResult power_cut_campaign(const PowerCutPlan& plan) { return PowerCutCampaign(plan).run(); }

CampaignResult replay(const CutCase& life, std::uint64_t seed, Trace::Line line) {
  CampaignResult result;
  PowerCutCampaign({.seed = seed}).live(life, result, std::move(line));
  return result;
}

}  // namespace ota::sim
