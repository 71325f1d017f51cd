// The device erases free blocks while it rests, so that the next download does not wait for erases.
// It never does so when there is something else to do, and a restart loop does not wear the flash.

#include "tests/engine/engine_rig.hpp"

namespace ota::test {
namespace {

using namespace std::chrono_literals;
using store::Slot;

const std::vector<std::byte> kImage = random_image(200'000, 7);
constexpr std::uint64_t kFreeBlocks = 256 - 2 - 1;  // metadata; the old image takes one block

struct RestingRig : EngineRig {
  RestingRig() {
    settings.erase_ahead_after = engine::kEraseAheadAfter;
    boot();
    operations_before = part.operations();
  }
  std::uint64_t erased() const { return part.operations() - operations_before; }
  std::uint64_t operations_before = 0;
};

TEST(EraseAhead, BeginsAfterTenMinutesOfRest) {
  RestingRig rig;
  const auto wake = rig.updater().run(rig.cancel);
  ASSERT_TRUE(wake);
  EXPECT_EQ(*wake, rig.clock.now() + 10min);
  rig.run(10min - 1s);
  EXPECT_EQ(rig.erased(), 0U);
  rig.run(1min);
  EXPECT_EQ(rig.erased(), kFreeBlocks);
  rig.run(24h * 30);
  EXPECT_EQ(rig.erased(), kFreeBlocks) << "each block once";
}

TEST(EraseAhead, ARestartLoopDoesNotWearTheFlash) {
  RestingRig rig;
  for (int boots = 0; boots < 100; ++boots) {
    rig.run(9min);
    rig.boot();
  }
  EXPECT_EQ(rig.erased(), 0U);
}

TEST(EraseAhead, IsNeverDoneWhereItIsNotWanted) {
  RestingRig rig;
  rig.settings.erase_ahead_after = Duration::zero();
  rig.boot();
  rig.run(24h);
  EXPECT_EQ(rig.erased(), 0U);
}

TEST(EraseAhead, AnOfferIsTakenAfterOneBlockAtMost) {
  RestingRig rig;
  rig.clock.advance(11min);
  EXPECT_EQ(rig.updater().run(rig.cancel), rig.clock.now()) << "there is more to do";
  EXPECT_EQ(rig.erased(), 1U);
  rig.publish(kImage, 7);
  rig.offer();
  rig.run(1min);
  EXPECT_EQ(rig.last_report().status, StatusWord::Applied);
  EXPECT_EQ(rig.slot_version(Slot::Current), 7U);
}

TEST(EraseAhead, DoesNothingWhileAMessageWaits) {
  RestingRig rig;
  rig.clock.advance(11min);
  rig.cancel.request();
  (void)rig.updater().run(rig.cancel);
  EXPECT_EQ(rig.erased(), 0U);
}

TEST(EraseAhead, BeginsAnewAfterAnUpdate) {
  RestingRig rig;
  rig.run(1h);
  rig.publish(kImage, 7);
  rig.offer();
  rig.run(9min);
  ASSERT_EQ(rig.updater().phase(), Phase::Idle);
  const auto erases = rig.part.stats().erases_64k;
  rig.run(1h);
  EXPECT_EQ(rig.part.stats().erases_64k, erases + 1) << "the block that the old image has left";
}

TEST(EraseAhead, AFlashThatFailsInItIsReportedAndWaitedFor) {
  RestingRig rig;
  rig.clock.advance(11min);
  (void)rig.updater().run(rig.cancel);
  ASSERT_EQ(rig.erased(), 1U);
  rig.part.set_missing(true);
  rig.run(5min);
  ASSERT_FALSE(rig.hub.reports.empty());
  EXPECT_EQ(rig.last_report().code, Code::StorageFailed);
  rig.part.set_missing(false);
  rig.run(24h);
  EXPECT_EQ(rig.updater().phase(), Phase::Idle);
  rig.publish(kImage, 7);
  rig.offer();
  rig.run();
  EXPECT_EQ(rig.mcu.running(), "7");
  EXPECT_EQ(rig.part.violations().total(), 0U) << rig.part.violations().describe();
}

TEST(EraseAhead, APowerCutInItCostsNothing) {
  for (std::uint64_t cut = 0; cut < kFreeBlocks; cut += 12) {
    SCOPED_TRACE(::testing::Message() << "cut at block " << cut);
    RestingRig rig;
    const auto reports = rig.hub.reports.size();
    rig.part.schedule({.at_operation = cut,
                       .tear_seed = cut,
                       .erase = static_cast<sim::EraseTear>(cut / 12 % sim::kEraseTearCount)});
    rig.run(1h);
    ASSERT_FALSE(rig.part.powered());
    rig.boot();
    EXPECT_EQ(rig.updater().phase(), Phase::Idle);
    EXPECT_EQ(rig.hub.reports.size(), reports) << "nothing happened that anybody should know";
    rig.publish(kImage, 7);
    rig.offer();
    rig.run();
    EXPECT_EQ(rig.mcu.running(), "7");
    EXPECT_EQ(rig.mcu.wrong_images, 0);
    EXPECT_EQ(rig.part.violations().total(), 0U) << rig.part.violations().describe();
  }
}

}  // namespace
}  // namespace ota::test
