#include "sim/world/fault_campaign.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "sim/world/bad_luck.hpp"

namespace ota::sim {
namespace {

using contract::Code;
using contract::StatusWord;

constexpr std::uint32_t kPartBytes = 1024 * 1024;
constexpr Duration kRestLimit = std::chrono::hours(24 * 7);
constexpr std::string_view kWorldWord = "world@";

/// How the release of one round is.
enum class Kind : std::uint8_t {
  Good,
  Mute,   // never starts
  Liar,   // starts, and says that it is another version
  Wrong,  // the server's bytes do not have the offer's hash
};

Kind draw_kind(Random& random) {
  const std::uint64_t draw = random.below(10);
  if (draw == 0) return Kind::Mute;
  if (draw == 1) return Kind::Liar;
  return draw == 2 ? Kind::Wrong : Kind::Good;
}

class FaultWorld {
 public:
  FaultWorld(const Start& start, std::uint64_t seed)
      : random_(seed),
        world_(start, random_.next()),
        media_(random_.below(8) == 0),
        luck_(world_, random_, media_) {}

  World& world() noexcept { return world_; }
  std::uint64_t updates() const noexcept { return updates_; }
  /// The longest time from the end of a release's faults to rest.
  Duration recovery() const noexcept { return recovery_; }

  void live() {
    world_.boot();
    for (std::uint64_t rounds = 1 + random_.below(4); rounds != 0; --rounds) round();
    // Media that were damaged stay so: a bad block is found and left alone.
    const Release last = next_release(Kind::Good);
    world_.deploy(last);
    world_.run(kRestLimit);
    world_.expect_end(last.version, StatusWord::Applied, Code::None);
  }

 private:
  Release next_release(Kind kind) {
    version_ += 1 + static_cast<std::uint32_t>(random_.below(3));
    Release release = make_release(version_, 1 + random_.below(150'000), random_.next());
    if (kind == Kind::Mute) world_.mcu().mute_images.insert(version_);
    if (kind == Kind::Liar) world_.mcu().lying_images.insert(version_);
    if (kind == Kind::Wrong) {
      release.lies = true;
      release.sha256[0] ^= std::byte{1};
    }
    ++updates_;
    return release;
  }

  void round() {
    const Kind kind = draw_kind(random_);
    world_.judge().lies_are_over();
    Release release = next_release(kind);
    luck_.begin_release();
    world_.deploy(release);
    for (std::uint64_t blows = random_.below(7); blows != 0; --blows) {
      if (random_.below(12) == 0) {  // a newer release comes before this one is done
        release = next_release(Kind::Good);
        world_.deploy(release);
      }
      luck_.strike(release);
    }
    luck_.end(release);
    const Instant faults_ended = world_.now();
    world_.run(kRestLimit);
    recovery_ = std::max(recovery_, world_.now() - faults_ended);
    if (kind == Kind::Good && !luck_.spoiled()) {
      world_.expect_end(release.version, StatusWord::Applied, Code::None);
    } else {
      world_.expect_truth();
    }
  }

  SplitMix64 random_;
  World world_;
  bool media_;
  BadLuck luck_;
  std::uint32_t version_ = 5;
  std::uint64_t updates_ = 0;
  Duration recovery_{};
};

void live(const Start& start, std::uint64_t seed, CampaignResult& sum, Trace::Line line) {
  FaultWorld life(start, seed);
  if (line) life.world().trace().listen(std::move(line));
  life.live();
  sum.updates += life.updates();
  sum.add(life.world(), std::string(kWorldWord) + std::to_string(seed), life.recovery());
}

Start usual_start() { return make_start(make_release(5, 5'000, 1), kPartBytes); }

}  // namespace

CampaignResult fault_campaign(const FaultPlan& plan) {
  const Start start = usual_start();
  return run_campaign(
      plan.worlds, plan.jobs,
      [&](std::uint64_t i, CampaignResult& sum) {
        live(start, plan.seed * kFaultWorldsMax + i, sum, {});
      },
      "worlds", plan.progress);
}

std::optional<std::uint64_t> parse_fault_world(std::string_view text) {
  if (!text.starts_with(kWorldWord)) return std::nullopt;
  text.remove_prefix(kWorldWord.size());
  return read_number<std::uint64_t>(text);
}

CampaignResult replay_faults(std::uint64_t world, Trace::Line line) {
  CampaignResult result;
  live(usual_start(), world, result, std::move(line));
  return result;
}

}  // namespace ota::sim
