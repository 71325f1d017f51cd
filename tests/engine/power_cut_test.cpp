// The power is cut in every flash operation and in every step of the MCU of one small update, torn
// in every way the part can be; then again while the device recovers. Whatever happens, the device
// must go on by itself to a whole image, and say only what is so.

#include <string>

#include "tests/engine/engine_rig.hpp"
#include "tests/run_settings.hpp"

namespace ota::test {
namespace {

using store::Slot;

// Crosses one block of 64 KiB, so that there is a sync in the middle and one at the end.
const std::vector<std::byte> kImage = random_image(70'000, 7);

enum class Story : std::uint8_t { Update, Rollback };

class Life {
 public:
  explicit Life(Story story) : story_(story), rig_(5, 5'000) {
    if (story == Story::Rollback) rig_.mcu.mute_images = {7};
    rig_.publish(kImage, 7);
    operations_before_ = rig_.part.operations();
    steps_before_ = rig_.mcu.steps();
    rig_.offer();
  }

  EngineRig& rig() { return rig_; }
  std::uint64_t operations() const { return rig_.part.operations() - operations_before_; }
  std::uint64_t mcu_steps() const { return rig_.mcu.steps() - steps_before_; }
  std::uint64_t first_mcu_step() const { return steps_before_; }

  void recover() {
    for (int boots = 0; boots < 5; ++boots) {
      rig_.run();
      if (rig_.part.powered()) return;
      rig_.boot();
      remember_what_is_done();
    }
    ADD_FAILURE() << "the device keeps losing its power";
  }

  void expect_good_end() {
    rig_.part.cancel_cut();
    const bool updated = story_ == Story::Update;
    EXPECT_EQ(rig_.mcu.running(), updated ? "7" : "5");
    EXPECT_EQ(rig_.mcu.wrong_images, 0) << "bytes that are not the image reached the MCU";
    EXPECT_EQ(rig_.updater().phase(), Phase::Idle);
    EXPECT_EQ(rig_.updater().unexpected_events(), 0U);
    const contract::Report& last = rig_.last_report();
    EXPECT_EQ(last.status, updated ? StatusWord::Applied : StatusWord::Error);
    EXPECT_EQ(last.code, updated ? Code::None : Code::RolledBack);
    EXPECT_EQ(last.version, updated ? 7U : 5U);
    EXPECT_EQ(rig_.slot_version(Slot::Current), updated ? 7U : 5U);
    EXPECT_FALSE(rig_.hub.saw(StatusWord::Error, Code::StorageCorrupt));
    EXPECT_TRUE(rig_.updater().journal().outcome.acknowledged);
    EXPECT_EQ(rig_.part.violations().total(), 0U) << rig_.part.violations().describe();
  }

  /// Bytes that came twice because of a cut: at most what was not synced, and one receive buffer.
  /// Once the whole candidate is durable nothing is fetched, and once it is promoted nothing is
  /// programmed.
  void expect_no_work_twice() {
    constexpr std::uint64_t kRefetchMax = (64U + 16U) * 1024U;
    EXPECT_LE(rig_.transport.bytes_sent(), kImage.size() + kRefetchMax);
    if (whole_at_requests_) {
      EXPECT_EQ(rig_.transport.requests().size(), *whole_at_requests_);
    }
    if (promoted_at_programmings_) {
      EXPECT_EQ(rig_.mcu.programmings, *promoted_at_programmings_);
    }
  }

 private:
  void remember_what_is_done() {
    const auto candidate = rig_.store().find(Slot::Candidate);
    const bool promoted = rig_.slot_version(Slot::Current) == 7;
    if (promoted || (candidate && candidate->complete())) {
      whole_at_requests_ = rig_.transport.requests().size();
    }
    if (promoted) promoted_at_programmings_ = rig_.mcu.programmings;
  }

  Story story_;
  EngineRig rig_;
  std::optional<std::size_t> whole_at_requests_;
  std::optional<int> promoted_at_programmings_;
  std::uint64_t operations_before_ = 0;
  std::uint64_t steps_before_ = 0;
};

void cut_every_flash_operation(Story story) {
  Life clean(story);
  clean.recover();
  clean.expect_good_end();
  const std::uint64_t operations = clean.operations();
  ASSERT_GT(operations, kImage.size() / 256) << "the image itself takes more than that";
  const std::uint64_t sample = sample_of_run();
  for (std::uint64_t cut = seed_of_run() % sample; cut < operations; cut += sample) {
    SCOPED_TRACE(::testing::Message() << "cut at operation " << cut << " of " << operations
                                      << ", OTA_TEST_SEED=" << seed_of_run());
    Life life(story);
    life.rig().part.schedule({.at_operation = cut, .tear_seed = cut * 977 + seed_of_run()});
    life.recover();
    life.expect_good_end();
    life.expect_no_work_twice();
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(PowerCut, EveryFlashOperationOfAnUpdateEndsWithTheNewImage) {
  cut_every_flash_operation(Story::Update);
}

TEST(PowerCut, EveryFlashOperationOfARollbackEndsWithTheOldImage) {
  cut_every_flash_operation(Story::Rollback);
}

// What follows the download is short and delicate, so there each tear is tried.
TEST(PowerCut, EveryTearOfTheLastOperations) {
  Life clean(Story::Update);
  clean.recover();
  const std::uint64_t operations = clean.operations();
  const std::uint64_t sample = sample_of_run();
  const std::uint64_t first = operations > 60 ? operations - 60 : 0;
  for (std::uint64_t cut = first + seed_of_run() % sample; cut < operations; cut += sample) {
    for (std::uint8_t tear = 0; tear < sim::kProgramTearCount; ++tear) {
      SCOPED_TRACE(::testing::Message() << "cut " << cut << ", tear " << int{tear});
      Life life(Story::Update);
      life.rig().part.schedule({.at_operation = cut,
                                .tear_seed = cut + seed_of_run(),
                                .program = static_cast<sim::ProgramTear>(tear),
                                .erase = static_cast<sim::EraseTear>(tear)});
      life.recover();
      life.expect_good_end();
      life.expect_no_work_twice();
      if (::testing::Test::HasFailure()) return;
    }
  }
}

void cut_every_mcu_step(Story story) {
  Life clean(story);
  clean.recover();
  const std::uint64_t steps = clean.mcu_steps();
  ASSERT_GT(steps, 10U);
  for (std::uint64_t step = 0; step < steps; ++step) {
    SCOPED_TRACE(::testing::Message() << "cut at step " << step << " of the MCU");
    Life life(story);
    life.rig().cut_mcu_step = life.first_mcu_step() + step;
    life.recover();
    life.expect_good_end();
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(PowerCut, EveryStepOfProgrammingEndsWithTheNewImage) { cut_every_mcu_step(Story::Update); }

TEST(PowerCut, EveryStepOfARollbackEndsWithTheOldImage) { cut_every_mcu_step(Story::Rollback); }

TEST(PowerCut, TwoCutsAtRandomPlaces) {
  SplitMix64 random(seed_of_run());
  Life clean(Story::Update);
  clean.recover();
  const std::uint64_t operations = clean.operations();
  const std::uint64_t rounds = 150 / sample_of_run();
  for (std::uint64_t round = 0; round < rounds; ++round) {
    const std::uint64_t first = random.below(operations);
    const std::uint64_t second = random.below(operations);
    SCOPED_TRACE(::testing::Message() << "round " << round << ": cuts at " << first << " and "
                                      << second << " more, OTA_TEST_SEED=" << seed_of_run());
    Life life(round % 3 == 0 ? Story::Rollback : Story::Update);
    life.rig().part.schedule({.at_operation = first, .tear_seed = random.next()});
    life.rig().run();
    if (!life.rig().part.powered()) {
      life.rig().part.schedule({.at_operation = second, .tear_seed = random.next()});
      life.rig().boot();
    }
    life.recover();
    life.expect_good_end();
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(PowerCut, ShortPowerWindowsStillEndSomeDay) {
  // Each window is enough for a block and a half, never for the whole image.
  constexpr std::uint64_t kWindowOperations = 400;
  EngineRig rig;
  const auto image = random_image(600'000, 7);
  rig.publish(image, 7);
  rig.offer();
  int windows = 0;
  for (; windows < 20; ++windows) {
    rig.part.schedule(
        {.at_operation = kWindowOperations, .tear_seed = static_cast<std::uint64_t>(windows)});
    rig.run();
    if (rig.part.powered()) break;
    rig.boot();
  }
  EXPECT_GT(windows, 4);
  EXPECT_LT(windows, 20);
  EXPECT_EQ(rig.mcu.running(), "7");
  EXPECT_EQ(rig.last_report().status, StatusWord::Applied);
}

}  // namespace
}  // namespace ota::test
