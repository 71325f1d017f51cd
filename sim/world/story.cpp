#include "sim/world/story.hpp"

#include <algorithm>

namespace ota::sim {
namespace {

using contract::Code;
using contract::StatusWord;

// A small part, so that its file system is soon used all around.
constexpr std::uint32_t kPartBytes = 1024 * 1024;
constexpr std::size_t kOldBytes = 5'000;
// Crosses a block of 64 KiB, so that there is a sync in the middle and one at the end; and more
// than a cut may cost, so that one without a sync is seen.
constexpr std::size_t kNewBytes = 100'000;
constexpr std::size_t kTinyBytes = 500;

constexpr Duration kLimit = std::chrono::hours(48);
constexpr Duration kQuietTime = std::chrono::minutes(15);
constexpr int kBootsMax = 60;

/// Goes through cuts until the device rests.
class Fate {
 public:
  Fate(World& world, std::vector<Cut> cuts) : world_(world), cuts_(std::move(cuts)) {
    std::reverse(cuts_.begin(), cuts_.end());
  }

  void boot() {
    if (!cuts_.empty()) {
      world_.schedule(cuts_.back());
      cuts_.pop_back();
    }
    world_.boot();
  }

  void to_rest() {
    std::optional<Instant> booted;
    for (int boots = 0; boots < kBootsMax; ++boots) {
      world_.run(kLimit);
      if (world_.alive()) break;
      boot();
      booted = world_.now();
    }
    if (booted) recovery_ = std::max(recovery_, world_.now() - *booted);
  }

  void quiet_time() {
    world_.idle(kQuietTime);
    if (!world_.alive()) boot();
    to_rest();
  }

  Duration recovery() const noexcept { return recovery_; }

 private:
  World& world_;
  std::vector<Cut> cuts_;
  Duration recovery_{};
};

}  // namespace

const char* to_text(Story story) noexcept {
  switch (story) {
    case Story::First:
      return "first";
    case Story::Update:
      return "update";
    case Story::Rollback:
      return "rollback";
    case Story::Refused:
      return "refused";
    case Story::Twice:
      return "twice";
    case Story::Tiny:
      return "tiny";
  }
  return "unknown";
}

std::optional<Story> parse_story(std::string_view text) noexcept {
  for (const Story story : kStories) {
    if (text == to_text(story)) return story;
  }
  return std::nullopt;
}

StoryBook::StoryBook(std::uint64_t seed)
    : old_(make_release(5, kOldBytes, seed + 1)),
      new_(make_release(7, kNewBytes, seed + 2)),
      newer_(make_release(8, kNewBytes, seed + 3)),
      tiny_(make_release(7, kTinyBytes, seed + 4)),
      lie_(make_release(7, kNewBytes, seed + 5)),
      installed_(make_start(old_, kPartBytes)),
      blank_{.cells = {}, .disk = std::nullopt, .installed = {}, .flash_bytes = kPartBytes} {
  lie_.sha256 = new_.sha256;
  lie_.lies = true;
}

std::unique_ptr<World> StoryBook::open(Story story, std::uint64_t seed) const {
  auto world = std::make_unique<World>(story == Story::First ? blank_ : installed_, seed);
  if (story == Story::Rollback) world->mcu().mute_images = {7};
  return world;
}

Duration StoryBook::live(Story story, World& world, std::vector<Cut> cuts) const {
  Fate fate(world, std::move(cuts));
  const Release& release = story == Story::Tiny ? tiny_ : story == Story::Refused ? lie_ : new_;
  world.deploy(release);
  fate.boot();
  fate.to_rest();
  if (story == Story::Twice) {
    fate.quiet_time();
    world.deploy(newer_);
    fate.to_rest();
  }
  world.cancel_cut();
  switch (story) {
    case Story::Rollback:
      world.expect_end(5, StatusWord::Error, Code::RolledBack);
      break;
    case Story::Refused:
      world.expect_end(5, StatusWord::Error, Code::HashMismatch);
      break;
    case Story::Twice:
      world.expect_end(8, StatusWord::Applied, Code::None);
      break;
    case Story::First:
    case Story::Update:
    case Story::Tiny:
      world.expect_end(7, StatusWord::Applied, Code::None);
      break;
  }
  return fate.recovery();
}

}  // namespace ota::sim
