#include "sim/flash/paced_bus.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "sim/flash/sim_w25q.hpp"

namespace ota::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

class FakeHostTime final : public HostTime {
 public:
  Instant now() noexcept override { return now_; }
  void let_pass(Duration duration) noexcept override {
    slept += duration;
    now_ += duration;
  }
  void pass(Duration duration) { now_ += duration; }
  Duration slept{};

 private:
  Instant now_{};
};

TEST(PacedBus, SleepsAsLongAsThePartIsBusy) {
  SimW25q part;
  FakeHostTime host;
  PacedBus bus(part, host);
  bus.wait(milliseconds(150));
  EXPECT_EQ(host.slept, milliseconds(150));
}

TEST(PacedBus, ManyShortWaitsAddUp) {
  SimW25q part;
  FakeHostTime host;
  PacedBus bus(part, host);
  for (int i = 0; i < 1000; ++i) bus.wait(microseconds(50));
  EXPECT_GE(host.slept, milliseconds(49));
  EXPECT_LE(host.slept, milliseconds(50));
}

TEST(PacedBus, TransfersTakeTheTimeOfTheirBits) {
  SimW25q part({}, {.clock_hz = 8'000'000});
  FakeHostTime host;
  PacedBus bus(part, host);
  const std::array command = {std::byte{0x03}, std::byte{0}, std::byte{0}, std::byte{0}};
  std::vector<std::byte> in(4092);
  const std::array frames = {flash::SpiFrame{.command = command, .write = {}, .read = in}};
  ASSERT_TRUE(bus.transfer(frames));
  EXPECT_EQ(host.slept, microseconds(4096));
}

TEST(PacedBus, IdleTimeIsNotCaughtUpOn) {
  SimW25q part;
  FakeHostTime host;
  PacedBus bus(part, host);
  host.pass(std::chrono::seconds(100));
  bus.wait(milliseconds(1));
  bus.wait(milliseconds(150));
  EXPECT_GE(host.slept, milliseconds(150));
}

}  // namespace
}  // namespace ota::sim
