#pragma once

#include <array>
#include <memory>
#include <string_view>
#include <vector>

#include "contract/status.hpp"
#include "sim/world/world.hpp"

namespace ota::sim {

/// What a device lives through while it is cut. Each story has one right end, whatever is cut.
enum class Story : std::uint8_t {
  First,     // a blank part, an MCU with its factory image: the first image ever
  Update,    // from one image to the next, promoted in the end
  Rollback,  // the new image does not start: back to the old one
  Refused,   // what the server gives does not have the hash of the offer
  Twice,     // two updates, with time in between in which the device has nothing to do
  Tiny,      // an update of two pages, so that every pair of cuts can be tried
};
inline constexpr std::array kStories = {Story::First,   Story::Update, Story::Rollback,
                                        Story::Refused, Story::Twice,  Story::Tiny};
const char* to_text(Story story) noexcept;
std::optional<Story> parse_story(std::string_view text) noexcept;

/// How a story begins, made once and then copied for each world.
class StoryBook {
 public:
  explicit StoryBook(std::uint64_t seed);

  /// A world at the beginning of the story, not yet booted.
  std::unique_ptr<World> open(Story story, std::uint64_t seed) const;

  /// Lives the story to its end. A device that dies gets the next of `cuts`, which counts from its
  /// restart, and boots; without one it just boots.
  /// @returns virtual time from the last restart after a cut to rest
  Duration live(Story story, World& world, std::vector<Cut> cuts) const;

 private:
  Release old_, new_, newer_, tiny_, lie_;
  Start installed_, blank_;
};

}  // namespace ota::sim
