// Defects of the public sample that no other test would notice if one of them came back; the table
// in docs/reliability.md names the tests of the others.

#include "device/core/store/image_attribute.hpp"
#include "tests/engine/engine_rig.hpp"

namespace ota::test {
namespace {

using namespace std::chrono_literals;
using store::Slot;

const std::vector<std::byte> kImage = random_image(200'000, 7);

/// Puts a file onto the flash of a device that is switched off.
void plant_file(sim::SimW25q& part, const char* name, Bytes content, Bytes attribute) {
  flash::W25q driver(part);
  ASSERT_TRUE(driver.start());
  store::Volume volume(driver);
  ASSERT_TRUE(volume.mount());
  store::File file;
  ASSERT_TRUE(file.open_with_attribute(volume, name, store::File::Mode::Replace, attribute));
  ASSERT_TRUE(file.write(content));
  ASSERT_TRUE(file.close());
}

// 6: a file longer than its image was logged, and stayed so.
TEST(SampleDefects, AFileLongerThanItsImageIsFetchedAnew) {
  EngineRig rig;
  rig.publish(kImage, 7);
  auto longer = kImage;
  longer.resize(longer.size() + 100);
  const auto attribute = store::encode_attribute(EngineRig::identity(kImage, 7));
  plant_file(rig.part, "candidate", longer, attribute);
  rig.boot();
  rig.run();
  expect_runs(rig, 7);
  EXPECT_EQ(rig.transport.requests().front().first_byte, 0U);
}

// 8: a restart of the host in the middle of an erase damaged a healthy flash.
TEST(SampleDefects, ARestartOfTheHostAloneLosesNothing) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.transport.then({.drop_after = 100'000});
  rig.offer();
  rig.run(0s);
  // Write enable, then the erase of a block that is free; nobody waits for its end.
  constexpr std::array kEnable = {std::byte{0x06}};
  constexpr std::array kErase = {std::byte{0xD8}, std::byte{0xFF}, std::byte{0}, std::byte{0}};
  const std::array frames = {flash::SpiFrame{.command = kEnable},
                             flash::SpiFrame{.command = kErase}};
  ASSERT_TRUE(rig.part.transfer(frames));
  ASSERT_TRUE(rig.part.busy());
  rig.boot();
  rig.run();
  expect_runs(rig, 7);
  EXPECT_GE(rig.transport.requests().back().first_byte, store::kBlockBytes - 8U);
  EXPECT_FALSE(rig.hub.saw(StatusWord::Error, Code::StorageCorrupt));
  EXPECT_EQ(rig.part.violations().total(), 0U) << rig.part.violations().describe();
}

// 12: a record that could not be read meant version 0, and everything was fetched and applied
// again.
TEST(SampleDefects, AJournalThatCannotBeReadProgramsNothingAgain) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.offer();
  rig.run();
  plant_file(rig.part, "journal", bytes_of("{\"version\": "), {});
  rig.boot();
  rig.run();
  expect_runs(rig, 7);
  EXPECT_EQ(rig.mcu.programmings, 1);
  EXPECT_EQ(rig.transport.requests().size(), 1U);
}

// 15: an error behind another error was never reported.
TEST(SampleDefects, AnErrorBehindAnotherErrorIsReported) {
  EngineRig rig;
  rig.settings.product = "pump";
  rig.boot();
  rig.publish(kImage, 7).product = "valve";
  rig.offer();
  rig.run();
  rig.publish(kImage, 7).size_bytes = 16U << 20U;
  rig.offer();
  rig.run();
  EXPECT_TRUE(rig.hub.saw(StatusWord::Error, Code::WrongProduct));
  EXPECT_TRUE(rig.hub.saw(StatusWord::Error, Code::TooLarge));
}

// 16: any word of the twin applied what was stored, whatever it asked for.
TEST(SampleDefects, AnOlderOfferProgramsNothing) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.offer();
  rig.run();
  rig.publish(random_image(90'000, 6), 6);
  rig.offer();
  rig.run();
  expect_runs(rig, 7);
  EXPECT_EQ(rig.mcu.programmings, 1);
  EXPECT_EQ(rig.transport.requests().size(), 1U);
}

// 17: a version that was withdrawn when half of it was there blocked every lower one.
TEST(SampleDefects, AWithdrawnHalfDownloadDoesNotBlockALowerVersion) {
  EngineRig rig(3);
  rig.publish(kImage, 7);
  rig.transport.then({.drop_after = 100'000});
  rig.offer();
  rig.run(0s);
  rig.remote.etag = "\"0x8DD0\"";
  rig.publish(random_image(150'000, 4), 4);
  rig.offer();
  rig.run();
  expect_runs(rig, 4);
}

// 18: the fourth word of the twin during one download overwrote memory that was in use.
TEST(SampleDefects, AStormOfOffersDuringADownloadEndsWithTheNewest) {
  EngineRig rig;
  rig.publish(kImage, 7);
  const auto newest = random_image(90'000, 20);
  std::uint32_t version = 7;
  rig.transport.on_piece([&](std::uint64_t) {
    if (version == 20) return;
    ++version;
    rig.publish(newest, version);
    rig.offer();
    rig.cancel.request();
  });
  rig.remote.etag = "\"0x8DD1\"";
  rig.offer();
  for (int round = 0; round < 20; ++round) {
    rig.run();
    rig.cancel.reset();
  }
  expect_runs(rig, 20);
  EXPECT_EQ(rig.mcu.programmings, 1);
}

TEST(SampleDefects, ReconnectsDuringADownloadFetchAndProgramOnce) {
  EngineRig rig;
  rig.publish(kImage, 7);
  rig.transport.on_piece([&](std::uint64_t) { rig.offer(); });
  for (std::uint64_t drop = 30'000; drop <= 90'000; drop += 30'000) {
    rig.transport.then({.drop_after = drop});
  }
  rig.offer();
  rig.run();
  expect_runs(rig, 7);
  EXPECT_EQ(rig.transport.bytes_sent(), kImage.size());
  EXPECT_EQ(rig.mcu.programmings, 1);
}

}  // namespace
}  // namespace ota::test
