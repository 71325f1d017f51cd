// Bugs that other update systems had in the field and that no other test of ours would find. The
// whole list, with the test that stands for each: docs/reliability.md.

#include "tests/engine/engine_rig.hpp"

namespace ota::test {
namespace {

constexpr std::size_t kKiB = 1024;

void expect_runs_new(const EngineRig& rig) {
  EXPECT_EQ(rig.mcu.running(), "7");
  EXPECT_EQ(rig.mcu.wrong_images, 0);
  EXPECT_EQ(rig.last_report().status, StatusWord::Applied);
}

// "Bigger file than Hello World never programs": pages, sectors, receive buffers, flash blocks with
// and without their pointers, a megabyte; the connection breaks in the middle.
TEST(FieldBugs, ImagesOfEverySizeAtABoundaryArriveWhole) {
  for (const std::size_t boundary :
       {std::size_t{2}, std::size_t{16}, std::size_t{256}, 4 * kKiB, 16 * kKiB, 64 * kKiB,
        128 * kKiB - 4, 128 * kKiB, 192 * kKiB - 12, 256 * kKiB, 1024 * kKiB}) {
    for (const std::size_t size : {boundary - 1, boundary, boundary + 1}) {
      SCOPED_TRACE(size);
      EngineRig rig;
      const auto image = random_image(size, size);
      rig.publish(image, 7);
      rig.transport.then({.drop_after = size / 2});
      rig.offer();
      rig.run();
      expect_runs_new(rig);
      EXPECT_EQ(rig.mcu.programmed(), sha256(image));
      EXPECT_EQ(rig.transport.bytes_sent(), size);
    }
  }
}

// The MCU is programmed, but its last answer is lost: nobody may take it for new or for broken.
TEST(FieldBugs, AnMcuWhoseLastAnswerIsLostIsProgrammedAgainAndThenBelieved) {
  EngineRig rig;
  rig.mcu.answers_lost = 1;
  rig.publish(random_image(50'000, 7), 7);
  rig.offer();
  rig.run();
  expect_runs_new(rig);
  EXPECT_EQ(rig.mcu.programmings, 2);
}

TEST(FieldBugs, AnMcuThatNeverAnswersTheProgrammerGetsItsPreviousImageBack) {
  EngineRig rig;
  rig.mcu.answers_lost = 3;
  rig.publish(random_image(50'000, 7), 7);
  rig.offer();
  rig.run();
  EXPECT_EQ(rig.mcu.running(), "5");
  EXPECT_EQ(rig.last_report().code, Code::RolledBack);
}

// An update that failed for good must not be fetched again at each start, for ever.
TEST(FieldBugs, AnUpdateThatFailedForGoodCostsNothingAtLaterStarts) {
  EngineRig rig;
  rig.mcu.mute_images = {7};
  rig.publish(random_image(50'000, 7), 7);
  rig.offer();
  rig.run();
  ASSERT_EQ(rig.last_report().code, Code::RolledBack);
  const int programmings = rig.mcu.programmings;
  const auto operations = rig.part.operations();
  for (int start = 0; start < 20; ++start) {
    rig.boot();
    rig.run(std::chrono::hours(48));
  }
  EXPECT_EQ(rig.mcu.programmings, programmings);
  EXPECT_EQ(rig.transport.requests().size(), 1U);
  EXPECT_EQ(rig.part.operations(), operations) << "nor does it wear the flash";
}

}  // namespace
}  // namespace ota::test
