#pragma once

// Many worlds, one after the other on each core, and what came of them.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "sim/world/world.hpp"

namespace ota::sim {

/// A world in which a promise was broken.
struct Failure {
  std::string world;  // for --replay
  std::vector<std::string> broken;
};

struct CampaignResult {
  std::uint64_t worlds = 0;
  std::uint64_t cuts = 0;
  std::uint64_t operations = 0;  // programs and erases of the flash
  std::uint64_t requests = 0;
  std::uint64_t updates = 0;
  std::uint64_t worst_refetch_bytes = 0;
  Duration worst_recovery{};
  std::string worst_recovery_world;
  std::uint64_t bad = 0;
  std::vector<Failure> failures;  // the first ones
  std::uint64_t trace = 0;        // the same for the same seed, whatever ran on which core

  /// Adds what a world has lived through.
  void add(World& world, const std::string& name, Duration recovery);
  void add(const CampaignResult& other);

 private:
  void note_recovery(Duration recovery, const std::string& world);
};

/// Hears, on the calling thread, how much of a part of a campaign was begun.
using Progress =
    std::function<void(std::string_view part, std::uint64_t begun, std::uint64_t count)>;

/// Runs work(i, result) for each i below `count` on `jobs` threads.
CampaignResult run_campaign(std::uint64_t count, unsigned jobs,
                            const std::function<void(std::uint64_t, CampaignResult&)>& work,
                            std::string_view part = {}, const Progress& progress = {});

}  // namespace ota::sim
