#include "cli/follow_view.hpp"

#include <gmock/gmock.h>

#include "cli/rollout_view.hpp"

namespace ota::cli {
namespace {

using rollout::Ending;
using rollout::Tally;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

rollout::Sight sight() {
  return {
      .release = {.id = "ota-pump-lab-v12-r1-1a2b3c4d",
                  .product = "pump",
                  .group = "lab",
                  .version = 12,
                  .revision = 1},
      .tally = {.targeted = 1007,
                .waiting = 635,
                .downloading = 20,
                .interrupted = 3,
                .applying = 10,
                .done = 330,
                .failed = 4,
                .newer = 5,
                .failures = {{.code = "hash_mismatch", .devices = 3}, {.code = "", .devices = 1}}}};
}

TEST(FrameLines, ShowWhatAnOperatorLooksFor) {
  EXPECT_THAT(
      frame_lines(sight(), {.time = "14:03:05Z", .waited = "waited 3 min of 30 min"}, 100),
      ElementsAre("pump lab version 12: active   ota-pump-lab-v12-r1-1a2b3c4d",
                  "[################>>...............................!] 32 %",
                  "done 330 of 1,007, downloading 20, interrupted 3, applying 10, failed 4, newer "
                  "5, waiting 635",
                  "failed: hash_mismatch 3, no code 1",
                  "seen at 14:03:05Z, waited 3 min of 30 min"));
}

TEST(FrameLines, FitTheWindow) {
  rollout::Sight one = sight();
  one.release.product = "Prüfstand-mit-langem-Namen";
  one.release.state = rollout::RolloutState::Paused;
  for (std::size_t width = 19; width < 130; ++width) {
    for (const std::string& line :
         frame_lines(one, {.time = "14:03:05Z", .trouble = "the hub does not answer"}, width)) {
      EXPECT_EQ(line, fitted(line, width)) << width;
    }
  }
}

TEST(Fitted, CutsBetweenCharacters) {
  EXPECT_EQ(fitted("Prüf", 3), "Prü");
  EXPECT_EQ(fitted("Prüf", 4), "Prüf");
  EXPECT_EQ(fitted("", 0), "");
}

TEST(TallyBar, IsAsLongAsItsCells) {
  EXPECT_EQ(tally_bar({}, 4), "[....]");
  EXPECT_EQ(tally_bar({.targeted = 4, .done = 4}, 4), "[####]");
  EXPECT_EQ(tally_bar({.targeted = 1'000'000, .waiting = 999'999, .failed = 1}, 4), "[...!]");
  EXPECT_EQ(tally_bar({.targeted = 4, .failed = 4}, 4), "[!!!!]");
  EXPECT_EQ(tally_bar({.targeted = 3, .downloading = 1, .done = 1, .failed = 1}, 3), "[#>!]");
  for (std::int64_t done = 0; done <= 7; ++done) {
    const Tally tally{.targeted = 9, .downloading = 7 - done, .done = done, .failed = 2};
    EXPECT_EQ(tally_bar(tally, 5).size(), 7U);
  }
}

TEST(TallyText, NobodyIsNotZeroOfZero) { EXPECT_EQ(tally_text({}), "no device has these tags"); }

TEST(FailuresText, NamesTheFirstFive) {
  std::vector<rollout::CodeCount> many;
  for (int i = 0; i < 7; ++i) many.push_back({.code = "c" + std::to_string(i), .devices = 9 - i});
  EXPECT_EQ(failures_text(many), "c0 9, c1 8, c2 7, c3 6, c4 5, and 2 more");
  EXPECT_EQ(failures_text({{.code = "a\x1b[2J", .devices = 1}}), "a [2J 1");
}

TEST(EndingSentence, SaysHowToGoOn) {
  for (const Ending ending : {Ending::SomeFailed, Ending::TimedOut, Ending::Stopped}) {
    EXPECT_THAT(ending_sentence(ending, sight()), HasSubstr("ota-pump-lab-v12-r1-1a2b3c4d"));
  }
  EXPECT_THAT(ending_sentence(Ending::AllRunIt, sight()),
              HasSubstr("1,007 devices run version 12"));
}

}  // namespace
}  // namespace ota::cli
