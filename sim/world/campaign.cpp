#include "sim/world/campaign.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

namespace ota::sim {
namespace {

constexpr std::size_t kFailuresKept = 20;

}  // namespace

void CampaignResult::add(World& world, const std::string& name, Duration recovery) {
  ++worlds;
  cuts += world.cuts();
  operations += world.part().operations();
  requests += world.judge().requests();
  trace += world.trace().hash() + world.part().trace();
  worst_refetch_bytes = std::max(worst_refetch_bytes, world.judge().worst_refetch_bytes());
  note_recovery(recovery, name);
  if (world.judge().broken().empty()) return;
  ++bad;
  if (failures.size() < kFailuresKept) failures.push_back({name, world.judge().broken()});
}

void CampaignResult::add(const CampaignResult& other) {
  worlds += other.worlds;
  cuts += other.cuts;
  operations += other.operations;
  requests += other.requests;
  updates += other.updates;
  bad += other.bad;
  trace += other.trace;
  worst_refetch_bytes = std::max(worst_refetch_bytes, other.worst_refetch_bytes);
  note_recovery(other.worst_recovery, other.worst_recovery_world);
  for (const Failure& failure : other.failures) {
    if (failures.size() < kFailuresKept) failures.push_back(failure);
  }
}

void CampaignResult::note_recovery(Duration recovery, const std::string& world) {
  // Which of two equal worlds is named must not depend on who was first.
  if (recovery < worst_recovery || recovery == Duration{}) return;
  if (recovery == worst_recovery && world >= worst_recovery_world) return;
  worst_recovery = recovery;
  worst_recovery_world = world;
}

CampaignResult run_campaign(std::uint64_t count, unsigned jobs,
                            const std::function<void(std::uint64_t, CampaignResult&)>& work,
                            std::string_view part, const Progress& progress) {
  std::atomic<std::uint64_t> next{0};
  std::vector<CampaignResult> results(std::max(1U, jobs));
  const auto worker = [&](CampaignResult& result) {
    for (std::uint64_t i = next++; i < count; i = next++) {
      work(i, result);
      if (progress && &result == results.data()) progress(part, i + 1, count);
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < results.size(); ++i) {
    threads.emplace_back(worker, std::ref(results[i]));
  }
  worker(results[0]);
  for (std::thread& thread : threads) thread.join();
  CampaignResult all;
  for (const CampaignResult& result : results) all.add(result);
  return all;
}

}  // namespace ota::sim
