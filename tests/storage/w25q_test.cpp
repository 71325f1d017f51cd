#include "device/core/flash/w25q.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "sim/flash/sim_w25q.hpp"

namespace ota::flash {
namespace {

using sim::SimW25q;
using sim::Violation;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Rig {
  explicit Rig(const sim::FlashOptions& options = {}) : part({}, options) {}
  SimW25q part;
  W25q driver{part};

  std::vector<std::byte> read(std::uint32_t address, std::size_t size) {
    std::vector<std::byte> bytes(size);
    EXPECT_TRUE(driver.read(address, bytes));
    return bytes;
  }
  Status raw(std::initializer_list<unsigned> bytes) {
    std::vector<std::byte> sent;
    for (const unsigned byte : bytes) sent.push_back(static_cast<std::byte>(byte));
    const std::array frames = {SpiFrame{.command = sent}};
    return part.transfer(frames);
  }
};

std::vector<std::byte> pattern(std::size_t size, unsigned factor = 7) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * factor);
  return bytes;
}

TEST(W25q, TakesItsGeometryFromSfdp) {
  Rig rig;
  ASSERT_TRUE(rig.driver.start());
  const Geometry part = rig.driver.geometry();
  EXPECT_EQ(part.size_bytes, 16U << 20U);
  EXPECT_EQ(part.page_bytes, 256U);
  EXPECT_EQ(part.erase_bytes, (std::array<std::uint32_t, 4>{4096, 32768, 65536, 0}));
  EXPECT_EQ(rig.part.violations().total(), 0U) << rig.part.violations().describe();
}

TEST(W25q, ReadsBackWhatItPrograms) {
  Rig rig;
  ASSERT_TRUE(rig.driver.start());
  const auto data = pattern(200);
  ASSERT_TRUE(rig.driver.program(0x12300 + 50, data));
  EXPECT_EQ(rig.read(0x12300 + 50, 200), data);
  EXPECT_EQ(rig.part.violations().total(), 0U) << rig.part.violations().describe();
}

TEST(W25q, ReadsAnyLengthInFramesThatTheBusCarries) {
  Rig rig({.frame_bytes_max = 100});
  ASSERT_TRUE(rig.driver.start());
  rig.part.cells().overwrite(1000, pattern(5000));
  EXPECT_EQ(rig.read(1000, 5000), pattern(5000));
}

TEST(W25q, LearnsHowLongAProgramTakes) {
  Rig rig;
  ASSERT_TRUE(rig.driver.start());
  ASSERT_TRUE(rig.driver.program(0, pattern(256)));
  constexpr std::uint32_t kPages = 100;
  const sim::FlashStats before = rig.part.stats();
  for (std::uint32_t page = 1; page <= kPages; ++page) {
    ASSERT_TRUE(rig.driver.program(256 * page, pattern(256)));
  }
  const std::uint64_t busy_ns = rig.part.stats().flash_ns - before.flash_ns;
  const std::uint64_t bus_ns = rig.part.stats().bus_ns - before.bus_ns;
  EXPECT_LE(busy_ns - bus_ns, kPages * 410 * sim::kMicrosecond) << "a page takes 400 us";
  EXPECT_LE(rig.part.stats().transfers - before.transfers, kPages * 7);
}

TEST(W25q, RejectsProgramAcrossPageEnd) {
  Rig rig;
  ASSERT_TRUE(rig.driver.start());
  EXPECT_EQ(rig.driver.program(255, pattern(2)).error(), Errc::Misaligned);
  EXPECT_EQ(rig.driver.program(16U << 20U, pattern(1)).error(), Errc::OutOfRange);
  EXPECT_EQ(rig.driver.erase(100, 4096).error(), Errc::Misaligned);
  EXPECT_EQ(rig.driver.erase((16U << 20U) - 4096, 8192).error(), Errc::OutOfRange);
}

TEST(W25q, ProgrammingBlankBytesCostsNoOperation) {
  Rig rig;
  ASSERT_TRUE(rig.driver.start());
  ASSERT_TRUE(rig.driver.program(0, std::vector<std::byte>(256, std::byte{0xFF})));
  EXPECT_EQ(rig.part.operations(), 0U);
}

TEST(W25q, ErasesWithTheLargestUnitsThatFit) {
  Rig rig;
  ASSERT_TRUE(rig.driver.start());
  ASSERT_TRUE(rig.driver.erase(0x8000, 0x8000 + 0x10000 + 0x1000));
  EXPECT_EQ(rig.part.stats().erases_32k, 1U);
  EXPECT_EQ(rig.part.stats().erases_64k, 1U);
  EXPECT_EQ(rig.part.stats().erases_4k, 1U);
}

TEST(W25q, WaitsNoLongerThanItMust) {
  Rig rig({.clock_hz = 8'000'000});
  ASSERT_TRUE(rig.driver.start());
  const Instant begin = rig.part.now();
  ASSERT_TRUE(rig.driver.program(0, pattern(256, 2)));
  const Duration used = rig.part.now() - begin;
  EXPECT_LT(used, std::chrono::microseconds(261 + 400 + 60));
}

TEST(W25q, EndOfLifeTimesAreNotATimeout) {
  Rig rig({.times = sim::kSfdpMaximumTimes});
  ASSERT_TRUE(rig.driver.start());
  EXPECT_TRUE(rig.driver.program(0, pattern(256, 2)));
  EXPECT_TRUE(rig.driver.erase(0, 4096));
  EXPECT_TRUE(rig.driver.erase(0, 65536));
  EXPECT_EQ(rig.part.violations().total(), 0U) << rig.part.violations().describe();
}

TEST(W25q, BusyThatStaysIsATimeoutAndNothingIsSentAfterIt) {
  Rig rig;
  ASSERT_TRUE(rig.driver.start());
  rig.part.set_stuck_busy(true);
  EXPECT_EQ(rig.driver.erase(0, 65536).error(), Errc::Timeout);
  EXPECT_EQ(rig.driver.program(0, pattern(1, 0)).error(), Errc::Busy);
  std::array<std::byte, 1> out{};
  EXPECT_EQ(rig.driver.read(0, out).error(), Errc::Busy);
  EXPECT_EQ(rig.part.violations().total(), 0U) << rig.part.violations().describe();
  rig.part.set_stuck_busy(false);
  EXPECT_TRUE(rig.driver.read(0, out)) << "goes on once the part is idle";
}

TEST(W25q, MissingPartIsNoDeviceAndSoon) {
  Rig rig;
  rig.part.set_missing(true);
  EXPECT_EQ(rig.driver.start().error(), Errc::NoDevice);
  EXPECT_LT(rig.part.now() - Instant{}, milliseconds(50));
  std::array<std::byte, 1> out{};
  EXPECT_FALSE(rig.driver.read(0, out));
}

TEST(W25q, PartThatFallsOffTheBusIsAnErrorNotBlankData) {
  Rig rig;
  ASSERT_TRUE(rig.driver.start());
  EXPECT_EQ(rig.read(0, 600), std::vector<std::byte>(600, std::byte{0xFF})) << "really blank";
  rig.part.set_missing(true);
  std::array<std::byte, 600> out{};
  EXPECT_EQ(rig.driver.read(0, out).error(), Errc::NoDevice);
  rig.part.set_missing(false);
  EXPECT_TRUE(rig.driver.read(0, out));
}

TEST(W25q, LineHeldLowIsNoDevice) {
  sim::FlashOptions options;
  options.jedec_id = {0, 0, 0};
  Rig rig(options);
  EXPECT_EQ(rig.driver.start().error(), Errc::NoDevice);
}

TEST(W25q, PartWithoutSfdpGetsConservativeLimits) {
  sim::FlashOptions options;
  options.sfdp.fill(0xFF);
  Rig rig(options);
  ASSERT_TRUE(rig.driver.start());
  EXPECT_EQ(rig.driver.geometry().size_bytes, 16U << 20U);
  EXPECT_TRUE(rig.driver.erase(0, 65536));
  EXPECT_EQ(rig.part.stats().erases_64k, 1U);
}

TEST(W25q, StartWaitsForAnEraseThatARestartedHostLeftBehind) {
  Rig rig;
  rig.part.cells().overwrite(0, pattern(4096, 0));
  ASSERT_TRUE(rig.raw({0x06}));
  ASSERT_TRUE(rig.raw({0xD8, 0, 0, 0}));
  ASSERT_TRUE(rig.driver.start());
  EXPECT_EQ(rig.read(0, 4096), std::vector<std::byte>(4096, std::byte{0xFF}));
  EXPECT_EQ(rig.part.violations().total(), 0U) << rig.part.violations().describe();
}

TEST(W25q, StartResumesASuspendedErase) {
  Rig rig;
  rig.part.cells().overwrite(0, pattern(4096, 0));
  ASSERT_TRUE(rig.raw({0x06}));
  ASSERT_TRUE(rig.raw({0x20, 0, 0, 0}));
  ASSERT_TRUE(rig.raw({0x75}));
  ASSERT_TRUE(rig.driver.start());
  EXPECT_EQ(rig.read(0, 4096), std::vector<std::byte>(4096, std::byte{0xFF}));
}

TEST(W25q, StartWakesASleepingPart) {
  Rig rig;
  ASSERT_TRUE(rig.raw({0xB9}));
  EXPECT_TRUE(rig.driver.start());
}

TEST(W25q, StartClearsProtectionAndKeepsOneTimeLocks) {
  Rig rig;
  rig.part.set_status_registers({0x9C, 0x4A, 0x64});  // SRP BP2..0; CMP LB1 QE; WPS DRV
  ASSERT_TRUE(rig.driver.start());
  EXPECT_TRUE(rig.driver.program(0, pattern(4, 0)));
  EXPECT_EQ(rig.read(0, 1)[0], std::byte{0x00});
  EXPECT_EQ(rig.part.violations().total(), 0U) << rig.part.violations().describe();
}

TEST(W25q, LockedProtectionIsReported) {
  Rig rig;
  rig.part.set_status_registers({0x1C, 0, 0});
  rig.part.lock_status_registers();
  EXPECT_EQ(rig.driver.start().error(), Errc::Protected);
}

/// A bus that learns at the first long frame that it carries less than it thought, as spidev may.
class ShrinkingBus final : public SpiBus {
 public:
  explicit ShrinkingBus(SpiBus& bus) : bus_(bus) {}
  Status transfer(std::span<const SpiFrame> frames) noexcept override {
    for (const SpiFrame& frame : frames) {
      if (frame.command.size() + frame.write.size() + frame.read.size() <= 600) continue;
      limit_ = std::max<std::size_t>(512, limit_ / 2);
      return Errc::OutOfRange;
    }
    return bus_.transfer(frames);
  }
  std::size_t frame_bytes_max() const noexcept override { return limit_; }
  void wait(Duration duration) noexcept override { bus_.wait(duration); }
  Instant now() noexcept override { return bus_.now(); }

 private:
  SpiBus& bus_;
  std::size_t limit_ = 4096;
};

TEST(W25q, ReadsOnWhenTheBusLearnsASmallerLimit) {
  SimW25q part;
  part.cells().overwrite(0, pattern(5000));
  ShrinkingBus bus(part);
  W25q driver(bus);
  ASSERT_TRUE(driver.start());
  std::vector<std::byte> out(5000);
  ASSERT_TRUE(driver.read(0, out));
  EXPECT_EQ(out, pattern(5000));
}

TEST(W25q, BusFailureIsAnIoError) {
  Rig rig;
  ASSERT_TRUE(rig.driver.start());
  rig.part.schedule({.at_operation = 0, .tear_seed = 1});
  EXPECT_EQ(rig.driver.program(0, pattern(4, 0)).error(), Errc::Io);
  EXPECT_EQ(rig.driver.start().error(), Errc::Io);
  rig.part.power_up();
  EXPECT_TRUE(rig.driver.start());
  EXPECT_EQ(rig.part.violations().total(), 0U) << rig.part.violations().describe();
}

}  // namespace
}  // namespace ota::flash
