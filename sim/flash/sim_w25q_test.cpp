#include "sim/flash/sim_w25q.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <set>
#include <vector>

namespace ota::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

/// Speaks raw frames, as a logic analyser would see them.
struct Wire {
  SimW25q part;

  std::vector<std::byte> frame(const std::vector<unsigned>& out, std::size_t in = 0) {
    std::vector<std::byte> sent;
    for (const unsigned byte : out) sent.push_back(static_cast<std::byte>(byte));
    std::vector<std::byte> received(in);
    const std::array frames = {flash::SpiFrame{.command = sent, .write = {}, .read = received}};
    ok = static_cast<bool>(part.transfer(frames));
    return received;
  }
  unsigned byte_at(unsigned address) {
    return std::to_integer<unsigned>(
        frame({0x03, address >> 16U, (address >> 8U) & 0xFFU, address & 0xFFU}, 1)[0]);
  }
  unsigned status() { return std::to_integer<unsigned>(frame({0x05}, 1)[0]); }
  void finish() { part.wait(std::chrono::seconds(300)); }
  void program(unsigned address, std::vector<unsigned> data) {
    frame({0x06});
    std::vector<unsigned> out = {0x02, address >> 16U, (address >> 8U) & 0xFFU, address & 0xFFU};
    out.insert(out.end(), data.begin(), data.end());
    frame(out);
    finish();
  }
  bool ok = true;
};

TEST(SimW25q, AnswersItsIds) {
  Wire wire;
  EXPECT_EQ(wire.frame({0x9F}, 3),
            (std::vector{std::byte{0xEF}, std::byte{0x40}, std::byte{0x18}}));
  EXPECT_EQ(wire.frame({0x5A, 0, 0, 0, 0}, 2), (std::vector{std::byte{'S'}, std::byte{'F'}}));
}

TEST(SimW25q, ProgramClearsBitsOnly) {
  Wire wire;
  wire.program(0x1234, {0x0F});
  wire.program(0x1234, {0x3C});
  EXPECT_EQ(wire.byte_at(0x1234), 0x0CU);
  EXPECT_EQ(wire.part.violations().count(Violation::ProgramOverProgrammed), 1U);
}

TEST(SimW25q, ProgramWithoutWriteEnableIsDropped) {
  Wire wire;
  wire.frame({0x02, 0, 0, 0, 0x00});
  wire.finish();
  EXPECT_EQ(wire.byte_at(0), 0xFFU);
  EXPECT_EQ(wire.part.violations().count(Violation::WriteWithoutEnable), 1U);
}

TEST(SimW25q, DataPastThePageEndGoesToItsBeginning) {
  Wire wire;
  wire.program(0x1FF, {0x11, 0x22});
  EXPECT_EQ(wire.byte_at(0x1FF), 0x11U);
  EXPECT_EQ(wire.byte_at(0x100), 0x22U);
  EXPECT_EQ(wire.part.violations().count(Violation::PageWrap), 1U);
}

TEST(SimW25q, OfMoreThanOnePageTheLastBytesWin) {
  Wire wire;
  std::vector<unsigned> data(258, 0x55);
  data[256] = 0x01;
  data[257] = 0x02;
  wire.program(0, data);
  EXPECT_EQ(wire.byte_at(0), 0x01U);
  EXPECT_EQ(wire.byte_at(1), 0x02U);
  EXPECT_EQ(wire.byte_at(2), 0x55U);
}

TEST(SimW25q, IsBusyForTheTimeOfTheOperation) {
  Wire wire;
  wire.frame({0x06});
  EXPECT_EQ(wire.status(), 0x02U);
  wire.frame({0x02, 0, 0, 0, 0xAA});
  EXPECT_EQ(wire.status(), 0x03U);
  wire.part.wait(microseconds(398));
  EXPECT_EQ(wire.status(), 0x03U);
  wire.part.wait(microseconds(2));
  EXPECT_EQ(wire.status(), 0x00U);
}

TEST(SimW25q, DropsCommandsWhileBusyAndNotesThem) {
  Wire wire;
  wire.frame({0x06});
  wire.frame({0xD8, 1, 0, 0});
  wire.frame({0x06});
  EXPECT_EQ(wire.byte_at(0), 0xFFU);
  EXPECT_EQ(wire.part.violations().count(Violation::WriteWhileBusy), 1U);
  EXPECT_EQ(wire.part.violations().count(Violation::ReadWhileBusy), 1U);
}

TEST(SimW25q, EraseUnitsStartAtTheirOwnMultiples) {
  struct Case {
    unsigned opcode;
    unsigned size;
    int milliseconds;
  };
  for (const Case& erase : {Case{0x20, 4096, 45}, Case{0x52, 32768, 120}, Case{0xD8, 65536, 150}}) {
    SCOPED_TRACE(erase.size);
    Wire wire;
    const unsigned base = 0x020000;
    for (const unsigned at : {base - 1, base, base + erase.size - 1, base + erase.size}) {
      wire.program(at, {0x00});
    }
    wire.frame({0x06});
    wire.frame({erase.opcode, 0x02, 0x01, 0x23});  // low address bits are ignored
    wire.part.wait(milliseconds(erase.milliseconds));
    EXPECT_EQ(wire.byte_at(base - 1), 0x00U);
    EXPECT_EQ(wire.byte_at(base), 0xFFU);
    EXPECT_EQ(wire.byte_at(base + erase.size - 1), 0xFFU);
    EXPECT_EQ(wire.byte_at(base + erase.size), 0x00U);
    EXPECT_EQ(wire.part.stats().wear[base / kSectorBytes], 1U);
    EXPECT_EQ(wire.part.stats().wear[base / kSectorBytes - 1], 0U);
  }
}

TEST(SimW25q, TransferTimeIsThatOfItsBits) {
  Wire wire{SimW25q({}, {.clock_hz = 8'000'000})};
  wire.frame({0x03, 0, 0, 0}, 4092);
  EXPECT_EQ(wire.part.stats().bus_ns, 4096U * 1000U);
}

TEST(SimW25q, SleepsUntilReleased) {
  Wire wire;
  wire.program(0, {0x42});
  wire.frame({0xB9});
  EXPECT_EQ(wire.byte_at(0), 0xFFU);
  wire.frame({0xAB});
  wire.part.wait(microseconds(3));
  EXPECT_EQ(wire.byte_at(0), 0x42U);
}

TEST(SimW25q, ResetDuringAnEraseTearsIt) {
  Wire wire;
  wire.program(0, {0x42});
  wire.frame({0x06});
  wire.frame({0x20, 0, 0, 0});
  wire.frame({0x66});
  wire.frame({0x99});
  wire.part.wait(microseconds(30));
  EXPECT_EQ(wire.status(), 0x00U);
}

TEST(SimW25q, ResetNeedsBothCommandsInARow) {
  Wire wire;
  wire.frame({0x06});
  wire.frame({0x66});
  wire.frame({0x05});
  wire.frame({0x99});
  EXPECT_EQ(wire.status(), 0x02U) << "the write enable latch would be gone after a reset";
}

TEST(SimW25q, SuspendedEraseGoesOnAfterResume) {
  Wire wire;
  wire.program(0x5000, {0x42});
  wire.frame({0x06});
  wire.frame({0x20, 0, 0x50, 0});
  wire.frame({0x75});
  wire.part.wait(microseconds(20));
  EXPECT_EQ(wire.status() & 1U, 0U);
  EXPECT_EQ(wire.frame({0x35}, 1)[0], std::byte{0x80});
  wire.frame({0x7A});
  EXPECT_EQ(wire.status() & 1U, 1U);
  wire.finish();
  EXPECT_EQ(wire.byte_at(0x5000), 0xFFU);
}

TEST(SimW25q, ProtectedRangesDoNotChange) {
  Wire wire;
  wire.part.set_status_registers({0x04, 0, 0});  // BP0: the top 256 KiB
  wire.program(0xFC0000, {0x00});
  wire.program(0xFBFFFF, {0x00});
  EXPECT_EQ(wire.byte_at(0xFC0000), 0xFFU);
  EXPECT_EQ(wire.byte_at(0xFBFFFF), 0x00U);
  EXPECT_EQ(wire.part.violations().count(Violation::WriteProtected), 1U);
}

TEST(SimW25q, AfterACutNothingAnswersUntilPowerComesBack) {
  Wire wire;
  wire.part.schedule({.at_operation = 1, .tear_seed = 7, .program = ProgramTear::None});
  wire.program(0, {0x11});
  EXPECT_TRUE(wire.ok);
  wire.program(256, {0x22});
  EXPECT_FALSE(wire.ok);
  wire.frame({0x05}, 1);
  EXPECT_FALSE(wire.ok);
  wire.part.power_up();
  wire.part.wait(milliseconds(5));
  EXPECT_EQ(wire.byte_at(0), 0x11U);
  EXPECT_EQ(wire.byte_at(256), 0xFFU);
}

TEST(SimW25q, ACutInTheMiddleOfAnOperationTearsIt) {
  Wire wire;
  wire.frame({0x06});
  wire.frame({0x02, 0, 0, 0, 0x00});
  wire.part.cut_power(3);
  EXPECT_FALSE(wire.part.powered());
  wire.part.power_up();
  wire.part.wait(milliseconds(5));
  EXPECT_EQ(wire.status(), 0U) << "neither busy nor write-enabled";
}

TEST(SimW25q, AHostThatDiesAloneLeavesThePartAtWork) {
  Wire wire;
  wire.program(0x5000, {0x42});
  wire.part.schedule({.at_operation = 0, .host_only = true});
  wire.frame({0x06});
  wire.frame({0x20, 0, 0x50, 0});
  EXPECT_FALSE(wire.ok);
  EXPECT_TRUE(wire.part.powered());
  EXPECT_FALSE(wire.part.host_alive());
  EXPECT_FALSE(wire.part.usable());
  EXPECT_TRUE(wire.part.busy());
  wire.frame({0x05}, 1);
  EXPECT_FALSE(wire.ok);
  wire.part.host_restart();
  EXPECT_EQ(wire.status(), 0x03U) << "still at it";
  wire.part.advance(milliseconds(45));
  EXPECT_EQ(wire.status(), 0x00U);
  EXPECT_EQ(wire.byte_at(0x5000), 0xFFU);
}

TEST(SimW25q, PowerUpStartsTheHostToo) {
  Wire wire;
  wire.part.stop_host();
  wire.part.power_up();
  EXPECT_TRUE(wire.part.usable());
}

TEST(SimW25q, AHostMayLeaveThePartSuspended) {
  Wire wire;
  EXPECT_FALSE(wire.part.leave_suspended()) << "nothing is under way";
  wire.frame({0x06});
  wire.frame({0x20, 0, 0x50, 0});
  wire.part.stop_host();
  EXPECT_FALSE(wire.part.leave_asleep()) << "a busy part does not listen";
  EXPECT_TRUE(wire.part.leave_suspended());
  wire.part.advance(std::chrono::seconds(1));
  wire.part.host_restart();
  EXPECT_EQ(wire.frame({0x35}, 1)[0], std::byte{0x80});
}

TEST(SimW25q, AHostMayLeaveThePartAsleep) {
  Wire wire;
  wire.program(0, {0x42});
  wire.part.stop_host();
  EXPECT_TRUE(wire.part.leave_asleep());
  wire.part.host_restart();
  EXPECT_EQ(wire.byte_at(0), 0xFFU);
  wire.frame({0xAB});
  wire.part.wait(microseconds(3));
  EXPECT_EQ(wire.byte_at(0), 0x42U);
}

/// A sector after an erase that left unstable cells; `cells` are those of its first page.
struct UnstableSector {
  Wire wire;
  std::vector<std::pair<unsigned, unsigned>> cells;  // address and bit

  explicit UnstableSector(std::uint64_t seed) {
    wire.part.schedule({.tear_seed = seed, .erase = EraseTear::Unstable});
    wire.frame({0x06});
    wire.frame({0x20, 0, 0, 0});
    wire.part.power_up();
    wire.part.wait(milliseconds(5));
    for (unsigned address = 0; address < kPageBytes; ++address) {
      for (const unsigned bit : unstable_bits(address)) cells.emplace_back(address, bit);
    }
  }
  std::vector<unsigned> unstable_bits(unsigned address) {
    unsigned ones = 0;
    unsigned zeros = 0;
    for (int read = 0; read < 64; ++read) {
      ones |= wire.byte_at(address);
      zeros |= ~wire.byte_at(address);
    }
    std::vector<unsigned> bits;
    for (unsigned bit = 0; bit < 8; ++bit) {
      if (((ones & zeros) >> bit & 1U) != 0) bits.push_back(bit);
    }
    return bits;
  }
};

TEST(SimW25q, AnInterruptedEraseMayLeaveCellsThatReadAnything) {
  int sectors = 0;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    UnstableSector sector(seed);
    EXPECT_LE(sector.cells.size(), 64U);
    sectors += sector.cells.empty() ? 0 : 1;
  }
  EXPECT_GE(sectors, 6);
}

TEST(SimW25q, UnstableCellsReadTheSameFromTheSameSeed) {
  UnstableSector first(3);
  UnstableSector second(3);
  ASSERT_FALSE(first.cells.empty());
  EXPECT_EQ(first.cells, second.cells);
  Wire copy{SimW25q(first.wire.part.cells())};
  for (const auto& [address, bit] : first.cells) {
    EXPECT_EQ(first.wire.byte_at(address), copy.byte_at(address));
  }
}

TEST(SimW25q, ACompletedEraseMakesCellsStable) {
  UnstableSector sector(3);
  ASSERT_FALSE(sector.cells.empty());
  sector.wire.frame({0x06});
  sector.wire.frame({0x20, 0, 0, 0});
  sector.wire.finish();
  for (const auto& [address, bit] : sector.cells) {
    EXPECT_TRUE(sector.unstable_bits(address).empty());
    EXPECT_EQ(sector.wire.byte_at(address), 0xFFU);
  }
}

TEST(SimW25q, ProgramMakesOnlyTheCellsStableThatItClears) {
  UnstableSector sector(3);
  ASSERT_FALSE(sector.cells.empty());
  const auto [address, bit] = sector.cells.front();
  sector.wire.program(address, {0xFF});
  EXPECT_FALSE(sector.unstable_bits(address).empty());
  sector.wire.program(address, {0x00});
  EXPECT_TRUE(sector.unstable_bits(address).empty());
  EXPECT_EQ(sector.wire.byte_at(address), 0x00U);
  EXPECT_GE(sector.wire.part.violations().count(Violation::ProgramOverUnstable), 1U);
}

TEST(SimW25q, SmallerPartsSayTheirSizeAndWrapThere) {
  constexpr std::uint32_t kSize = 512 * 1024;
  Wire wire{SimW25q({}, {.size_bytes = kSize})};
  EXPECT_EQ(wire.part.size_bytes(), kSize);
  EXPECT_EQ(wire.frame({0x9F}, 3)[2], std::byte{0x13});
  EXPECT_EQ(wire.frame({0x5A, 0, 0, 0x84, 0}, 4),
            (std::vector{std::byte{0xFF}, std::byte{0xFF}, std::byte{0x3F}, std::byte{0x00}}));
  wire.program(kSize - 1, {0x11});
  wire.program(0, {0x22});
  EXPECT_EQ(wire.frame({0x03, 0x07, 0xFF, 0xFF}, 2),
            (std::vector{std::byte{0x11}, std::byte{0x22}}));
  EXPECT_EQ(wire.part.violations().count(Violation::AddressWrap), 1U);
  wire.frame({0x06});
  wire.frame({0xC7});
  wire.finish();
  EXPECT_EQ(wire.byte_at(kSize - 1), 0xFFU);
}

TEST(SimW25q, AnotherPartAnswersWithItsOwnId) {
  Wire wire;
  wire.part.set_jedec_id({0xC8, 0x40, 0x18});
  EXPECT_EQ(wire.frame({0x9F}, 1)[0], std::byte{0xC8});
}

TEST(SimW25q, TraceTellsHistoriesApart) {
  const auto trace_of = [](unsigned address, unsigned value, unsigned erase) {
    Wire wire;
    wire.program(address, {value});
    wire.frame({0x06});
    wire.frame({erase, 0, 0, 0});
    wire.finish();
    wire.byte_at(0);
    return wire.part.trace();
  };
  EXPECT_EQ(trace_of(7, 0x11, 0x20), trace_of(7, 0x11, 0x20));
  const std::set<std::uint64_t> all = {trace_of(7, 0x11, 0x20), trace_of(8, 0x11, 0x20),
                                       trace_of(7, 0x12, 0x20), trace_of(7, 0x11, 0xD8), 0};
  EXPECT_EQ(all.size(), 5U);
}

TEST(SimW25q, ABrokenSectorKeepsSomeBits) {
  Wire wire;
  wire.part.break_sector(0x5000);
  const std::vector<unsigned> zeros(256, 0x00);
  wire.program(0x4F00, zeros);
  wire.program(0x5000, zeros);
  const auto wrong_bytes = [&](unsigned address, unsigned wanted) {
    int wrong = 0;
    for (unsigned i = 0; i < 256; ++i) wrong += wire.byte_at(address + i) != wanted ? 1 : 0;
    return wrong;
  };
  EXPECT_EQ(wrong_bytes(0x4F00, 0x00), 0);
  EXPECT_GE(wrong_bytes(0x5000, 0x00), 1);
}

TEST(SimW25q, AFlippedBitStaysAndNoiseDoesNot) {
  Wire wire;
  wire.program(0, {0x42});
  wire.part.cells().flip_bit(0, 0);
  EXPECT_EQ(wire.byte_at(0), 0x43U);
  wire.part.set_read_noise(1, 5);
  EXPECT_NE(wire.byte_at(0), 0x43U);
  wire.part.set_read_noise(0, 0);
  EXPECT_EQ(wire.byte_at(0), 0x43U);
}

TEST(SimW25q, StuckBusyNeverEnds) {
  Wire wire;
  wire.part.set_stuck_busy(true);
  wire.program(0, {0x11});
  EXPECT_EQ(wire.status() & 1U, 1U);
}

TEST(SimW25q, MissingPartReadsAllOnes) {
  Wire wire;
  wire.part.set_missing(true);
  EXPECT_EQ(wire.status(), 0xFFU);
  EXPECT_EQ(wire.frame({0x9F}, 1)[0], std::byte{0xFF});
}

TEST(SimW25q, CopiesOfItsCellsDoNotShareWrites) {
  Wire first;
  first.program(0, {0x11});
  Wire second{SimW25q(first.part.cells())};
  second.program(1, {0x22});
  EXPECT_EQ(first.byte_at(1), 0xFFU);
  EXPECT_EQ(second.byte_at(0), 0x11U);
  EXPECT_EQ(second.byte_at(1), 0x22U);
}

}  // namespace
}  // namespace ota::sim
