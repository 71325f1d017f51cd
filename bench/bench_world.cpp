// How many complete updates of a whole simulated device one core does in a second: driver,
// littlefs, store, journal, engine, download rules, hub session and JSON, from the offer in the
// twin to the acknowledged outcome. One JSON line for each case.
//
// Processor time of the one thread, so that other work on the machine counts little.
//
// usage: bench_world

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <vector>

#include "sim/world/world.hpp"

namespace ota::bench {
namespace {

constexpr double kSecondsMin = 3;

double processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

/// From the version that is there to the next one, in a world of its own.
bool update(const sim::Start& start, const sim::Release& release, std::uint64_t seed) {
  sim::World world(start, seed);
  world.deploy(release);
  world.boot();
  world.run(std::chrono::hours(1));
  return world.settled() && world.installed() == release.version &&
         world.judge().broken().empty() && world.part().violations().total() == 0;
}

bool report(std::uint32_t image_bytes, double per_second_wanted) {
  const sim::Start start = sim::make_start(sim::make_release(5, image_bytes, 1), sim::kFlashBytes);
  const sim::Release release = sim::make_release(7, image_bytes, 2);
  std::vector<double> seconds;
  for (double left = kSecondsMin; left > 0; left -= seconds.back()) {
    const double begin = processor_seconds();
    if (!update(start, release, seconds.size())) {
      std::fprintf(stderr, "the update of world %zu did not end well\n", seconds.size());
      return false;
    }
    seconds.push_back(processor_seconds() - begin);
  }
  std::sort(seconds.begin(), seconds.end());
  std::printf(
      "{\"case\":\"complete_updates\",\"image_bytes\":%u,\"unit\":\"updates_per_cpu_s\","
      "\"median\":%.0f,\"p99_slowest\":%.0f,\"wanted\":%.0f,\"runs\":%zu}\n",
      image_bytes, 1 / seconds[seconds.size() / 2], 1 / seconds[seconds.size() * 99 / 100],
      per_second_wanted, seconds.size());
  return true;
}

}  // namespace
}  // namespace ota::bench

int main() {
  const bool done = ota::bench::report(32 * 1024, 1000) && ota::bench::report(1024 * 1024, 50);
  return done ? 0 : 1;
}
