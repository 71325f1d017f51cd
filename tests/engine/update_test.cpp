// One update from offer to outcome, on a healthy flash: the path itself, and every way in which the
// network, the twin or the MCU can get in its way.

#include "tests/engine/engine_rig.hpp"

namespace ota::test {
namespace {

using namespace std::chrono_literals;
using fetch::TransferEnd;
using store::Slot;

const std::vector<std::byte> kImage = random_image(200'000, 7);

void expect_runs_new(EngineRig& rig, std::uint32_t version = 7) {
  EXPECT_EQ(rig.mcu.running(), std::to_string(version));
  EXPECT_EQ(rig.mcu.wrong_images, 0);
  EXPECT_EQ(rig.updater().phase(), Phase::Idle);
  EXPECT_EQ(rig.last_report().status, StatusWord::Applied);
  EXPECT_EQ(rig.last_report().version, version);
  EXPECT_EQ(rig.slot_version(Slot::Current), version);
  EXPECT_EQ(rig.slot_version(Slot::Candidate), 0U);
  EXPECT_EQ(rig.updater().unexpected_events(), 0U);
}

TEST(Update, BringsAnOfferOntoTheMcu) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.offer();
  rig.run();
  expect_runs_new(rig);
  EXPECT_EQ(rig.transport.bytes_sent(), kImage.size());
  EXPECT_EQ(rig.transport.requests().size(), 1U);
  EXPECT_TRUE(rig.updater().journal().outcome.acknowledged);
}

TEST(Update, ReportsEachPhaseOnce) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.offer();
  rig.run();
  std::vector<Phase> phases;
  for (const auto& report : rig.hub.reports) phases.push_back(report.phase);
  EXPECT_EQ(phases, (std::vector{Phase::Downloading, Phase::Verifying, Phase::Programming,
                                 Phase::Confirming, Phase::Idle}));
}

TEST(Update, AnswersTheSameOfferAgainWithoutWork) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.offer();
  rig.run();
  const auto operations = rig.part.operations();
  rig.boot();
  rig.run();
  rig.offer();
  rig.run();
  expect_runs_new(rig);
  EXPECT_EQ(rig.mcu.programmings, 1);
  EXPECT_EQ(rig.transport.requests().size(), 1U);
  EXPECT_EQ(rig.part.operations(), operations) << "an answer must not wear the flash";
}

TEST(Update, IgnoresAnOlderOfferAndKeepsItsStatus) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.offer();
  rig.run();
  rig.publish(kImage, 6);
  rig.offer();
  rig.run();
  EXPECT_EQ(rig.last_report().status, StatusWord::Applied);
  EXPECT_EQ(rig.last_report().code, Code::OlderIgnored);
  EXPECT_EQ(rig.mcu.running(), "7");
}

TEST(Update, RefusesAnotherProductBeforeAnythingIsErasedOrAsked) {
  EngineRig rig;
  rig.settings.product = "pump";
  rig.boot();
  rig.publish(kImage, 7).product = "valve";
  rig.offer();
  rig.run();
  EXPECT_EQ(rig.last_report().status, StatusWord::Error);
  EXPECT_EQ(rig.last_report().code, Code::WrongProduct);
  EXPECT_TRUE(rig.transport.requests().empty());
  EXPECT_EQ(rig.slot_version(Slot::Current), 5U);
}

TEST(Update, GoesOnAfterEachKindOfNetworkLossWithoutFetchingAByteTwice) {
  for (const TransferEnd end : {TransferEnd::Unreachable, TransferEnd::TimedOut,
                                TransferEnd::Failed, TransferEnd::TlsUntrusted}) {
    EngineRig rig;
    rig.publish(kImage, 7);
    for (std::uint64_t drop : {1U, 0U, 16'384U, 65'536U, 33'333U}) {
      rig.transport.then({.drop_after = drop, .end = end});
    }
    rig.offer();
    rig.run();
    expect_runs_new(rig);
    EXPECT_EQ(rig.transport.bytes_sent(), kImage.size());
  }
}

TEST(Update, SurvivesEveryWrongAnswer) {
  const std::vector<sim::Exchange> answers = {
      {.status = 500},        {.status = 503, .retry_after = 120s},
      {.status = 429},        {.status = 408},
      {.shift_range = 10},    {.shift_range = -10},
      {.ignore_range = true}, {.excess_bytes = 5000},
      {.without_etag = true}, {.status = 204}};
  for (std::size_t i = 0; i < answers.size(); ++i) {
    SCOPED_TRACE(::testing::Message() << "answer " << i);
    EngineRig rig;
    rig.publish(kImage, 7);
    rig.transport.then({.drop_after = 70'000});
    rig.transport.then(answers[i]);
    rig.offer();
    rig.run();
    expect_runs_new(rig);
  }
}

TEST(Update, HonoursRetryAfter) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.transport.then({.status = 503, .retry_after = 1800s});
  rig.offer();
  rig.run(29min);
  EXPECT_EQ(rig.transport.requests().size(), 1U);
  rig.run(2min);
  expect_runs_new(rig);
}

TEST(Update, StartsAgainWhenTheObjectChanges) {
  EngineRig rig;
  rig.publish(random_image(kImage.size(), 99), 7);
  rig.transport.then({.drop_after = 100'000});
  rig.offer();
  rig.run(0s);
  rig.remote.etag = "\"0x8DC2\"";
  rig.publish(kImage, 7);
  rig.offer();
  rig.run();
  expect_runs_new(rig);
}

TEST(Update, WaitsForARenewedTokenAndGoesOnWhereItWas) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.transport.then({.drop_after = 100'000});
  rig.transport.then({.status = 403});
  rig.offer();
  rig.run();
  EXPECT_EQ(rig.updater().phase(), Phase::Waiting);
  EXPECT_EQ(rig.last_report().status, StatusWord::Interrupted);
  EXPECT_EQ(rig.last_report().code, Code::SasExpired);
  rig.offer();
  rig.run();
  EXPECT_EQ(rig.updater().phase(), Phase::Waiting) << "the same token again is of no use";
  rig.twin->sas = "sig=renewed";
  rig.twin->attempt = 1;
  rig.offer();
  rig.run();
  expect_runs_new(rig);
  EXPECT_EQ(rig.transport.bytes_sent(), kImage.size()) << "no byte twice";
}

TEST(Update, TriesOnceADayWhatOnlyAPersonCanMend) {
  for (const int status : {400, 403, 404, 302}) {
    EngineRig rig;
    rig.publish(kImage, 7);
    for (int day = 0; day < 3; ++day) rig.transport.then({.status = status});
    rig.offer();
    rig.run(71h);
    EXPECT_EQ(rig.transport.requests().size(), 3U) << status;
    rig.run(2h);
    expect_runs_new(rig);
  }
}

TEST(Update, CallsADownloadInterruptedAfterAMinuteWithoutData) {
  EngineRig rig;
  rig.publish(kImage, 7);
  for (int i = 0; i < 200; ++i) rig.transport.then({.without_head = true});
  rig.offer();
  rig.run(30min);
  EXPECT_EQ(rig.last_report().status, StatusWord::Interrupted);
  EXPECT_EQ(rig.last_report().code, Code::NetworkUnreachable);
  EXPECT_EQ(rig.hub.reports.size(), 2U) << "downloading, then interrupted once";
}

TEST(Update, GivesUpHurryingAfterADayWithoutANewByte) {
  EngineRig rig;
  rig.publish(kImage, 7);
  for (int i = 0; i < 1000; ++i) {
    // A server that ignores ranges and drops is busy for ever and never gets further.
    rig.transport.then({.drop_after = 50'000, .ignore_range = true});
  }
  rig.offer();
  rig.run(25h);
  EXPECT_TRUE(rig.hub.saw(StatusWord::Interrupted, Code::Stalled));
}

TEST(Update, RefetchesAWrongImageTwiceThenRefusesIt) {
  EngineRig rig;
  rig.publish(kImage, 7).sha256 = sha256(bytes_of("another"));
  rig.offer();
  rig.run();
  EXPECT_EQ(rig.transport.requests().size(), 3U);
  EXPECT_EQ(rig.last_report().status, StatusWord::Error);
  EXPECT_EQ(rig.last_report().code, Code::HashMismatch);
  EXPECT_EQ(rig.mcu.running(), "5");
  EXPECT_EQ(rig.mcu.programmings, 0);
  rig.boot();
  rig.run();
  EXPECT_EQ(rig.transport.requests().size(), 3U) << "a final failure is remembered";
  EXPECT_EQ(rig.last_report().code, Code::HashMismatch);
  rig.twin->sha256 = sha256(kImage);
  rig.offer();
  rig.run();
  expect_runs_new(rig);
}

TEST(Update, DropsARunningDownloadForANewerOffer) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.transport.on_piece([&](std::uint64_t bytes) {
    if (bytes > 50'000) rig.cancel.request();
  });
  rig.offer();
  rig.run();
  EXPECT_LT(rig.transport.bytes_sent(), 80'000U);
  rig.cancel.reset();
  rig.transport.on_piece({});
  const auto newer = random_image(90'000, 8);
  rig.remote.etag = "\"0x8DC3\"";
  rig.publish(newer, 8);
  rig.offer();
  rig.run();
  expect_runs_new(rig, 8);
  EXPECT_EQ(rig.mcu.programmings, 1);
}

TEST(Update, StopsWhenTheDeploymentIsWithdrawn) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.transport.then({.drop_after = 50'000});
  rig.offer();
  rig.run(0s);
  rig.updater().withdraw();
  rig.run();
  EXPECT_EQ(rig.updater().phase(), Phase::Idle);
  EXPECT_EQ(rig.last_report().code, Code::Withdrawn);
  EXPECT_EQ(rig.last_report().status, StatusWord::Applied) << "of version 5, which the MCU runs";
}

TEST(Update, NeverCancelsProgrammingAndTakesTheNewerOfferAfterwards) {
  EngineRig rig;
  rig.publish(kImage, 7);
  const auto newer = random_image(30'000, 8);
  bool pushed = false;
  rig.mcu.on_step = [&](std::uint64_t) {
    if (!pushed) {
      pushed = true;
      rig.remote.etag = "\"0x8DC4\"";
      rig.publish(newer, 8);
      rig.offer();
    }
    return true;
  };
  rig.offer();
  rig.run();
  expect_runs_new(rig, 8);
  EXPECT_EQ(rig.mcu.programmings, 2);
  const auto applied_first =
      std::find_if(rig.hub.reports.begin(), rig.hub.reports.end(),
                   [](const auto& r) { return r.status == StatusWord::Applied && r.version == 7; });
  EXPECT_NE(applied_first, rig.hub.reports.end()) << "the first image is confirmed before it goes";
}

TEST(Update, ProgramsAgainAfterAFailure) {
  EngineRig rig;
  rig.mcu.failures_left = 2;
  rig.publish(kImage, 7);
  rig.offer();
  rig.run();
  expect_runs_new(rig);
  EXPECT_EQ(rig.mcu.programmings, 3);
}

TEST(Update, WaitsWhileSomebodyElseHoldsTheMcu) {
  EngineRig rig;
  rig.mcu.busy_calls = 2;
  rig.publish(kImage, 7);
  rig.offer();
  rig.run();
  expect_runs_new(rig);
  EXPECT_EQ(rig.mcu.programmings, 1);
}

TEST(Update, AsksLessAndLessOftenForAnMcuThatSomebodyElseKeeps) {
  EngineRig rig;
  rig.mcu.busy_calls = 1000;
  rig.publish(kImage, 7);
  rig.offer();
  rig.run(24h);
  const int asked = 1000 - rig.mcu.busy_calls;
  EXPECT_GT(asked, 24);
  EXPECT_LT(asked, 35);
  rig.mcu.busy_calls = 0;
  rig.run(2h);
  expect_runs_new(rig);
}

TEST(Update, GoesBackToThePreviousImageAndDoesNotTryAgain) {
  EngineRig rig;
  rig.mcu.mute_images = {7};
  rig.publish(kImage, 7);
  rig.offer();
  rig.run();
  EXPECT_EQ(rig.mcu.running(), "5");
  EXPECT_EQ(rig.mcu.programmings, 4) << "three times the new one, once the old one";
  EXPECT_EQ(rig.last_report().status, StatusWord::Error);
  EXPECT_EQ(rig.last_report().code, Code::RolledBack);
  EXPECT_EQ(rig.last_report().version, 5U);
  rig.boot();
  rig.run();
  EXPECT_EQ(rig.mcu.programmings, 4);
  rig.mcu.mute_images = {};
  rig.twin->attempt = 1;
  rig.offer();
  rig.run();
  expect_runs_new(rig);
  EXPECT_EQ(rig.transport.requests().size(), 1U) << "the stored image serves the next attempt";
}

TEST(Update, SaysWhenThereIsNothingToGoBackTo) {
  EngineRig rig(0);
  rig.mcu.mute_images = {7};
  rig.publish(kImage, 7);
  rig.offer();
  rig.run();
  EXPECT_TRUE(rig.hub.saw(StatusWord::Downloading, Code::RollbackUnavailable));
  EXPECT_EQ(rig.last_report().code, Code::RollbackUnavailable);
  EXPECT_EQ(rig.last_report().version, 0U);
  const auto newer = random_image(30'000, 8);
  rig.publish(newer, 8);
  rig.offer();
  rig.run();
  expect_runs_new(rig, 8);
}

TEST(Update, KeepsTryingARollbackWithGrowingPauses) {
  EngineRig rig;
  rig.mcu.failures_left = 3 + 4;
  rig.publish(kImage, 7);
  rig.offer();
  rig.run(1min);
  EXPECT_EQ(rig.last_report().code, Code::RollbackFailed);
  EXPECT_EQ(rig.last_report().status, StatusWord::Interrupted);
  rig.run(16min);
  EXPECT_EQ(rig.mcu.running(), "5");
  EXPECT_EQ(rig.last_report().code, Code::RolledBack);
}

TEST(Update, StoresOnlyWhenThereIsNoMcu) {
  EngineRig rig(0);
  rig.store_only = true;
  rig.hub.mcu = nullptr;
  rig.boot();
  rig.publish(kImage, 7);
  rig.offer();
  rig.run();
  EXPECT_EQ(rig.slot_version(Slot::Current), 7U);
  EXPECT_EQ(rig.last_report().status, StatusWord::Applied);
  EXPECT_EQ(rig.last_report().version, 7U);
}

TEST(Update, RepeatsAnOutcomeUntilItIsAcknowledgedAcrossRestarts) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.offer();
  rig.hub_acknowledges = false;
  rig.run(10min);
  const std::uint32_t number = rig.updater().journal().outcome.number;
  const auto repeats = std::count_if(rig.hub.reports.begin(), rig.hub.reports.end(),
                                     [](const auto& r) { return r.phase == Phase::Idle; });
  EXPECT_EQ(repeats, 4) << "at once, then after 1, 3 and 7 minutes";
  rig.hub.to_acknowledge.reset();
  rig.boot();
  EXPECT_EQ(rig.hub.to_acknowledge, number);
  rig.hub_acknowledges = true;
  rig.run();
  EXPECT_TRUE(rig.updater().journal().outcome.acknowledged);
}

TEST(Update, LetsTheOldImageGoWhenBothDoNotFit) {
  EngineRig rig(5, 9'000'000);
  const auto large = random_image(9'000'000, 7);
  rig.publish(large, 7);
  rig.offer();
  rig.run();
  expect_runs_new(rig);
  EXPECT_TRUE(rig.hub.saw(StatusWord::Downloading, Code::RollbackUnavailable));
}

TEST(Update, RefusesAnImageLargerThanTheFlashAndKeepsTheOldOne) {
  EngineRig rig;
  rig.publish(kImage, 7).size_bytes = 16U * 1024U * 1024U;
  rig.offer();
  rig.run();
  EXPECT_EQ(rig.last_report().code, Code::TooLarge);
  EXPECT_EQ(rig.slot_version(Slot::Current), 5U);
}

TEST(Update, ReportsThreeQuartersOfALongDownloadAtMost) {
  EngineRig rig;
  rig.publish(random_image(1'000'000, 7), 7);
  for (int i = 0; i < 100; ++i) {
    rig.transport.then({.drop_after = 10'000, .takes = 20s});
  }
  rig.offer();
  rig.run();
  expect_runs_new(rig);
  int progress = 0;
  for (const auto& report : rig.hub.reports) {
    progress += report.phase == Phase::Downloading && report.progress_percent > 0 ? 1 : 0;
  }
  EXPECT_EQ(progress, 3);
}

}  // namespace
}  // namespace ota::test
