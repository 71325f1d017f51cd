// The flash fails, is lost, or comes back empty; and offers change while bytes of another image are
// stored. The device waits, goes on by itself, and neither lies nor programs what it should not.

#include "tests/engine/engine_rig.hpp"

namespace ota::test {
namespace {

using namespace std::chrono_literals;
using store::Slot;

const std::vector<std::byte> kImage = random_image(200'000, 7);

void erase_all(sim::SimW25q& part) { part.cells().erase(0, sim::kFlashBytes); }

TEST(StorageLoss, WaitsForAFlashThatDoesNotAnswerAndGoesOnWhenItDoes) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.part.set_missing(true);
  rig.boot();
  rig.run(2h);
  EXPECT_EQ(rig.updater().phase(), Phase::Waiting);
  EXPECT_EQ(rig.last_report().status, StatusWord::Interrupted);
  EXPECT_EQ(rig.last_report().code, Code::StorageFailed);
  EXPECT_EQ(rig.last_report().version, 5U) << "the copy on the device knows what the MCU runs";
  EXPECT_TRUE(rig.transport.requests().empty());
  rig.part.set_missing(false);
  rig.run(2h);
  expect_runs(rig, 7);
}

TEST(StorageLoss, DoesNotRefuseAnOfferThatComesWhileTheFlashFails) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.part.set_missing(true);
  rig.offer();
  rig.run(2min);
  EXPECT_EQ(rig.last_report().code, Code::StorageFailed);
  rig.part.set_missing(false);
  rig.run(2h);
  expect_runs(rig, 7);
}

TEST(StorageLoss, ReportsAFlashThatFailsForAWeekOnce) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.offer();
  rig.transport.on_piece([&](std::uint64_t) { rig.part.set_missing(true); });
  rig.run(24h * 7);
  EXPECT_EQ(rig.hub.reports.size(), 2U) << "downloading, then interrupted";
}

TEST(StorageLoss, GoesOnAfterTheFlashFailedInTheMiddleOfADownload) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.transport.on_piece([&](std::uint64_t bytes) { rig.part.set_missing(bytes > 100'000); });
  rig.offer();
  rig.run(5s);
  EXPECT_EQ(rig.last_report().code, Code::StorageFailed);
  rig.transport.on_piece({});
  rig.part.set_missing(false);
  rig.run();
  expect_runs(rig, 7);
  EXPECT_LE(rig.transport.bytes_sent(), kImage.size() + (64 + 16) * 1024U);
}

TEST(StorageLoss, DoesNotBlameTheMcuForAFlashThatFailsWhileProgramming) {
  EngineRig rig;
  rig.publish(kImage, 7);
  int steps = 0;
  rig.mcu.on_step = [&](std::uint64_t) {
    rig.part.set_missing(++steps == 10);
    return true;
  };
  rig.offer();
  rig.run();
  expect_runs(rig, 7);
  EXPECT_EQ(rig.mcu.programmings, 2);
}

TEST(StorageLoss, EndsAnEraseThatNeverEnds) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.part.set_stuck_busy(true);
  rig.offer();
  rig.run(1min);
  EXPECT_EQ(rig.last_report().code, Code::StorageFailed);
  rig.part.set_stuck_busy(false);
  rig.run(2h);
  expect_runs(rig, 7);
}

TEST(StorageLoss, ANewFlashDoesNotMakeTheMcuBeProgrammedAgain) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.offer();
  rig.run();
  erase_all(rig.part);
  rig.boot();
  rig.run();
  expect_runs(rig, 7);
  EXPECT_EQ(rig.mcu.programmings, 1);
  EXPECT_EQ(rig.transport.requests().size(), 1U);
}

TEST(StorageLoss, ANewFlashDoesNotForgetAFinalFailure) {
  EngineRig rig;
  rig.mcu.mute_images = {7};
  rig.publish(kImage, 7);
  rig.offer();
  rig.run();
  const int programmings = rig.mcu.programmings;
  erase_all(rig.part);
  rig.boot();
  rig.run();
  EXPECT_EQ(rig.last_report().code, Code::RolledBack);
  EXPECT_EQ(rig.mcu.programmings, programmings);
}

TEST(StorageLoss, ANewFlashDoesNotForgetAnOutcomeThatIsNotSentYet) {
  EngineRig rig;
  rig.hub_acknowledges = false;
  rig.publish(kImage, 7);
  rig.offer();
  rig.run(1min);
  const auto number = rig.updater().journal().outcome.number;
  erase_all(rig.part);
  rig.hub.to_acknowledge.reset();
  rig.twin.reset();
  rig.boot();
  EXPECT_EQ(rig.hub.to_acknowledge, number);
}

TEST(StorageLoss, SaysThatTheFileSystemWasDamagedAndFormatted) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.offer();
  rig.run();
  const auto noise = random_image(8192, 3);
  rig.part.cells().overwrite(0, noise);
  rig.part.cells().overwrite(65'536, noise);
  rig.twin.reset();
  rig.boot();
  rig.run(1s);
  EXPECT_TRUE(rig.hub.saw(StatusWord::Error, Code::StorageCorrupt));
  EXPECT_EQ(rig.last_report().version, 7U);
  const auto newer = random_image(50'000, 8);
  rig.publish(newer, 8);
  rig.offer();
  rig.run();
  expect_runs(rig, 8);
}

TEST(StorageLoss, RestartsADownloadWhoseFileWasLostWhileItWaits) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.transport.then({.drop_after = 100'000});
  rig.transport.then({.status = 403});
  rig.offer();
  rig.run(1min);
  ASSERT_EQ(rig.updater().phase(), Phase::Waiting);
  ASSERT_TRUE(rig.store().discard(Slot::Candidate));
  rig.boot();
  rig.run();
  expect_runs(rig, 7);
}

TEST(StorageLoss, NeverGoesBackToAPreviousImageThatIsDamaged) {
  EngineRig rig;
  rig.mcu.mute_images = {7};
  rig.publish(kImage, 7);
  rig.offer();
  // The old image is the first file of data after the two metadata blocks.
  bool damaged = false;
  rig.mcu.on_step = [&](std::uint64_t) {
    if (!damaged) {
      damaged = true;
      for (std::uint32_t at = 0; at < sim::kFlashBytes; at += 65'536) {
        std::vector<std::byte> head(64);
        rig.part.cells().read(at, head);
        if (std::equal(head.begin(), head.end(), rig.old_image.begin())) {
          head[10] ^= std::byte{1};
          rig.part.cells().overwrite(at, head);
        }
      }
    }
    return true;
  };
  rig.run();
  EXPECT_EQ(rig.last_report().code, Code::RollbackUnavailable);
  EXPECT_EQ(rig.mcu.programmings, 3);
  EXPECT_EQ(rig.mcu.wrong_images, 0);
}

TEST(StorageLoss, ABadContactDoesNotCostTheWayBack) {
  EngineRig rig;
  rig.mcu.mute_images = {7};
  rig.publish(kImage, 7);
  // The contact fails from the last question about the new image until the flash is looked for.
  int programmings_before = 0;
  rig.hub.on_report = [&](const contract::Report& report) {
    if (report.phase == Phase::RollingBack && programmings_before == 0) {
      programmings_before = rig.mcu.programmings;
      rig.part.set_missing(true);
    }
  };
  rig.offer();
  rig.run(30s + 3 * 130s);
  ASSERT_EQ(programmings_before, 3);
  rig.part.set_missing(false);
  rig.run();
  EXPECT_EQ(rig.mcu.running(), "5");
  EXPECT_EQ(rig.last_report().code, Code::RolledBack);
}

struct Change {
  const char* name;
  std::size_t first_size;
  std::size_t second_size;
};

// The public sample mixed images, or was stuck for ever, when the file of one offer met another.
TEST(StorageLoss, AFlashThatIsBehindItsCopyForgotWhatTheMcuRuns) {
  EngineRig rig;
  const sim::FlashCells before = rig.part.cells();
  rig.publish(kImage, 7);
  rig.offer();
  rig.run();
  ASSERT_EQ(rig.mcu.running(), "7");
  rig.part.cells() = before;  // as rotten metadata or another part would have it
  rig.twin.reset();
  rig.boot();
  rig.run(1min);
  EXPECT_EQ(rig.updater().current_report().version, 7U);
  EXPECT_EQ(rig.mcu.programmings, 1);
}

TEST(StorageLoss, AFlashThatIsLostWhileProgrammingLeavesTheVersionUnknown) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.offer();
  rig.cut_mcu_step = rig.mcu.steps() + 20;
  rig.run();
  ASSERT_EQ(rig.mcu.running(), "");
  erase_all(rig.part);
  rig.twin.reset();
  rig.boot();
  rig.run(1min);
  EXPECT_EQ(rig.updater().current_report().version, 0U)
      << "the MCU is erased, and the report names a version";
}

TEST(StorageLoss, AnOlderImageThatComesBackToLightIsNoWayBack) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.offer();
  rig.run();
  ASSERT_EQ(rig.slot_version(Slot::Current), 7U);
  ASSERT_TRUE(rig.store().open_candidate(EngineRig::identity(rig.old_image, 5)));
  ASSERT_TRUE(rig.store().append(rig.old_image));
  ASSERT_TRUE(rig.store().promote());
  rig.boot();
  rig.mcu.mute_images = {8};
  rig.remote.etag = "\"0x8DD0\"";
  rig.publish(random_image(90'000, 8), 8);
  rig.offer();
  rig.run();
  EXPECT_EQ(rig.last_report().code, Code::RollbackUnavailable);
  EXPECT_EQ(rig.mcu.running(), "") << "version 5 came back after 7";
  // Nor is it one later, when the device knows no more that there was a 7.
  rig.mcu.mute_images = {8, 9};
  rig.remote.etag = "\"0x8DD1\"";
  rig.publish(random_image(90'000, 9), 9);
  rig.offer();
  rig.run();
  EXPECT_EQ(rig.last_report().code, Code::RollbackUnavailable);
  EXPECT_EQ(rig.mcu.running(), "") << "version 5 came back after 7";
}

TEST(OfferChange, BytesOfOneImageNeverMeetAnother) {
  for (const Change& change :
       {Change{"smaller", 200'000, 90'000}, Change{"larger", 90'000, 200'000},
        Change{"same size", 150'000, 150'000}}) {
    for (const bool power_cut : {false, true}) {
      SCOPED_TRACE(::testing::Message() << change.name << (power_cut ? ", power cut" : ""));
      EngineRig rig;
      rig.publish(random_image(change.first_size, 6), 6);
      rig.transport.then({.drop_after = change.first_size - 10});
      rig.offer();
      rig.run(0s);
      rig.remote.etag = "\"0x8DC9\"";
      const auto second = random_image(change.second_size, 7);
      rig.publish(second, 7);
      if (power_cut) {
        rig.part.schedule({.at_operation = 3, .tear_seed = 5});
        rig.offer();
        rig.run();
        ASSERT_FALSE(rig.part.powered());
        rig.boot();
      }
      rig.offer();
      rig.run();
      expect_runs(rig, 7);
    }
  }
}

TEST(OfferChange, OtherContentUnderTheSameVersionIsNewWork) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.offer();
  rig.run();
  rig.remote.etag = "\"0x8DCA\"";
  const auto rebuilt = random_image(150'000, 77);
  rig.publish(rebuilt, 7);
  rig.offer();
  rig.run();
  expect_runs(rig, 7);
  EXPECT_EQ(rig.mcu.programmed(), sha256(rebuilt));
}

TEST(OfferChange, AfterARestartADownloadWaitsForTheTwin) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.transport.then({.drop_after = 100'000});
  rig.offer();
  rig.run(0s);
  const auto twin = *rig.twin;
  rig.twin.reset();
  rig.boot();
  rig.run(10min);
  EXPECT_EQ(rig.updater().phase(), Phase::Downloading);
  EXPECT_EQ(rig.transport.requests().size(), 1U);
  rig.twin = twin;
  rig.offer();
  rig.run();
  expect_runs(rig, 7);
}

TEST(OfferChange, AnOfferThatCannotBeReadStopsTheDownloadAndIsExplained) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.transport.then({.drop_after = 100'000});
  rig.offer();
  rig.run(0s);
  rig.updater().refuse(Code::BadOffer, 8, 2, "the key \"sha256\" is missing");
  rig.run();
  EXPECT_EQ(rig.last_report().status, StatusWord::Error);
  EXPECT_EQ(rig.last_report().code, Code::BadOffer);
  EXPECT_EQ(rig.last_report().target, 8U);
  EXPECT_EQ(rig.last_report().attempt, 2U);
  EXPECT_EQ(rig.last_report().detail, "the key \"sha256\" is missing");
}

TEST(OfferChange, AWithdrawalDoesNotLeaveAnErasedMcuBehind) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.offer();
  rig.cut_mcu_step = rig.mcu.steps() + 20;
  rig.run();
  ASSERT_FALSE(rig.part.powered());
  ASSERT_EQ(rig.mcu.running(), "");
  rig.twin.reset();
  rig.boot();
  rig.updater().withdraw();
  rig.run();
  expect_runs(rig, 7);
}

TEST(OfferChange, AWithdrawnTakeoverBringsThePreviousImageBack) {
  EngineRig rig;
  rig.mcu.failures_left = 3 + 2;
  rig.publish(kImage, 7);
  rig.offer();
  rig.run(1min);
  ASSERT_EQ(rig.last_report().code, Code::RollbackFailed);
  rig.remote.etag = "\"0x8DCB\"";
  rig.publish(random_image(90'000, 8), 8);
  for (int i = 0; i < 30; ++i) rig.transport.then({.without_head = true});
  rig.offer();
  rig.run(5s);
  ASSERT_EQ(rig.updater().phase(), Phase::Downloading);
  ASSERT_EQ(rig.mcu.running(), "");
  rig.updater().refuse(Code::BadOffer, 9, 0, "a key is missing");
  rig.run(2h);
  EXPECT_EQ(rig.mcu.running(), "5");
  EXPECT_TRUE(rig.hub.saw(StatusWord::Error, Code::RolledBack));
  EXPECT_EQ(rig.last_report().code, Code::BadOffer) << "and then the message is answered";
  EXPECT_EQ(rig.last_report().version, 5U);
}

TEST(OfferChange, ImportRefusesBytesWithAnotherHash) {
  EngineRig rig(0);
  MemoryImage source(kImage);
  auto identity = EngineRig::identity(kImage, 3);
  identity.sha256 = sha256(bytes_of("another"));
  EXPECT_EQ(rig.updater().import_image(identity, source).error(), Errc::Corrupt);
  EXPECT_EQ(rig.slot_version(Slot::Current), 0U);
}

}  // namespace
}  // namespace ota::test
