// What the engine must not believe: that a restart was the last one, that the flash still holds
// what was verified, that an MCU which answers runs the new image, that a report may come before
// its record.

#include "tests/engine/engine_rig.hpp"

namespace ota::test {
namespace {

using namespace std::chrono_literals;
using store::Slot;

const std::vector<std::byte> kImage = random_image(200'000, 7);

/// Turns one bit of each block on the flash that begins as `file` does.
void damage_file(sim::SimW25q& part, Bytes file) {
  std::array<std::byte, 64> head{};
  for (std::uint32_t at = 0; at < sim::kFlashBytes; at += store::kBlockBytes) {
    part.cells().read(at, head);
    if (std::equal(head.begin(), head.end(), file.begin())) part.cells().flip_bit(at + 10, 3);
  }
}

/// Runs until the power goes in the middle of programming.
void run_into_a_cut_while_programming(EngineRig& rig) {
  const int programmings = rig.mcu.programmings;
  rig.mcu.on_step = [&rig, programmings](std::uint64_t step) {
    if (rig.mcu.programmings > programmings) rig.part.cut_power(step);
    return rig.part.powered();
  };
  rig.run(1h);
  rig.mcu.on_step = {};
}

TEST(Distrust, ADeviceThatRestartsWheneverItProgramsWaitsAfterTwentyTimes) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.offer();
  for (int restart = 0; restart < engine::kInterruptionsMax; ++restart) {
    run_into_a_cut_while_programming(rig);
    ASSERT_FALSE(rig.part.powered()) << "restart " << restart;
    rig.boot();
  }
  const int programmings = rig.mcu.programmings;
  rig.run(1h);
  EXPECT_EQ(rig.updater().phase(), Phase::Waiting);
  EXPECT_EQ(rig.last_report().code, Code::ProgrammingInterrupted);
  EXPECT_EQ(rig.mcu.programmings, programmings) << "one try a day from here on";
  rig.run(24h);
  EXPECT_EQ(rig.mcu.running(), "7");
  EXPECT_EQ(rig.last_report().status, StatusWord::Applied);
}

TEST(Distrust, AnImageThatRotsDuringARestartIsFetchedAgainBeforeTheMcuIsTouched) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.offer();
  run_into_a_cut_while_programming(rig);
  ASSERT_FALSE(rig.part.powered());
  const int programmings = rig.mcu.programmings;
  damage_file(rig.part, kImage);
  rig.boot();
  rig.run();
  EXPECT_EQ(rig.mcu.running(), "7");
  EXPECT_EQ(rig.mcu.programmings, programmings + 1);
  EXPECT_EQ(rig.transport.requests().size(), 2U);
}

TEST(Distrust, AnImageThatRotsAfterItsVerificationNeverReachesTheMcuWhole) {
  EngineRig rig;
  rig.publish(kImage, 7);
  bool damaged = false;
  rig.hub.on_report = [&](const contract::Report& report) {
    if (report.phase == Phase::Programming && !damaged) damage_file(rig.part, kImage);
    damaged |= report.phase == Phase::Programming;
  };
  rig.offer();
  rig.run();
  ASSERT_TRUE(damaged);
  EXPECT_EQ(rig.mcu.wrong_images, 0);
  EXPECT_EQ(rig.mcu.running(), "7");
  EXPECT_EQ(rig.last_report().status, StatusWord::Applied);
}

TEST(Distrust, AnMcuThatAnswersWithAnotherVersionIsNotUpdated) {
  EngineRig rig;
  rig.mcu.lying_images = {7};
  rig.publish(kImage, 7);
  rig.offer();
  rig.run();
  EXPECT_EQ(rig.last_report().status, StatusWord::Error);
  EXPECT_EQ(rig.last_report().code, Code::RolledBack);
  EXPECT_EQ(rig.mcu.running(), "5");
  EXPECT_FALSE(rig.hub.saw(StatusWord::Applied, Code::None));
}

/// The number of the outcome in the journal, as another reader finds it on the flash.
std::uint32_t durable_outcome_number(const sim::SimW25q& part) {
  sim::SimW25q copy(part.cells());
  flash::W25q driver(copy);
  store::Store store(driver);
  if (!store.mount()) return 0;
  const auto journal = store.read_journal();
  return journal ? journal->outcome.number : 0;
}

TEST(Distrust, AnOutcomeIsOnTheFlashBeforeItIsReported) {
  for (const bool rolled_back : {false, true}) {
    EngineRig rig;
    if (rolled_back) rig.mcu.mute_images = {7};
    rig.publish(kImage, 7);
    int outcomes = 0;
    rig.hub.on_report = [&](const contract::Report& report) {
      if (report.phase != Phase::Idle) return;
      ++outcomes;
      EXPECT_EQ(durable_outcome_number(rig.part), rig.updater().journal().outcome.number);
    };
    rig.offer();
    rig.run();
    EXPECT_EQ(outcomes, 1);
  }
}

}  // namespace
}  // namespace ota::test
