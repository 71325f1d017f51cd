// Goal: no power cut in any flash operation costs a byte that was durable, or leads to a format.
// Method: count the operations of one clean storage life, cut each of them in turn, bring the power
// back, mount, check what was promised, and go on to the end. The normal run gives each operation
// one kind of tear, chosen by OTA_TEST_SEED; OTA_TEST_EXHAUSTIVE=1 gives each operation all kinds.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "tests/run_settings.hpp"
#include "tests/storage/storage_life.hpp"
#include "tests/storage/storage_rig.hpp"

namespace ota::store {
namespace {

using test::StorageLife;
using test::StorageRig;
using ::testing::IsEmpty;
using ::testing::Not;

using BrokenPromises = std::vector<std::string>;

bool exhaustive() { return test::number_from_environment("OTA_TEST_EXHAUSTIVE", 0) != 0; }

constexpr std::uint8_t kTearCount = std::max(sim::kProgramTearCount, sim::kEraseTearCount);

std::uint64_t stride() { return exhaustive() ? 1 : kTearCount * test::sample_of_run(); }

/// Lives with the cuts, one after the other and each counted from the power-up before, then to the
/// end.
BrokenPromises live_with_cuts(sim::SimW25q& part, Store& store,
                              std::initializer_list<sim::PowerCut> cuts) {
  StorageLife life(store);
  for (const sim::PowerCut& cut : cuts) {
    part.schedule(cut);
    const Status ended = life.go_on();
    part.cancel_cut();
    if (ended) break;  // the cut would have come later
    if (!part.powered()) {
      part.power_up();
    } else if (!part.host_alive()) {
      // Whatever the last software did with the part, the next one has to cope.
      if (cut.tear_seed % 3 == 1) part.leave_suspended();
      if (cut.tear_seed % 3 == 2) {
        part.advance(std::chrono::seconds(3));
        part.leave_asleep();
      }
      part.host_restart();
    }
  }
  const Status ended = life.go_on();
  life.check_at_the_end();
  BrokenPromises broken = life.broken_promises();
  if (!ended) broken.push_back(std::string("the life ends well: ") + to_text(ended.error()));
  if (part.violations().total() != 0) broken.push_back(part.violations().describe());
  return broken;
}

BrokenPromises live_with_cuts(std::initializer_list<sim::PowerCut> cuts) {
  StorageRig rig;
  return live_with_cuts(rig.part, rig.store, cuts);
}

std::uint64_t operations_of_a_clean_life() {
  StorageRig rig;
  StorageLife life(rig.store);
  EXPECT_TRUE(life.go_on());
  EXPECT_THAT(life.broken_promises(), IsEmpty());
  return rig.part.operations();
}

class PowerCutTest : public ::testing::TestWithParam<std::uint8_t> {};

TEST_P(PowerCutTest, EveryStorageOperationKeepsWhatWasDurable) {
  const auto program = static_cast<sim::ProgramTear>(GetParam() % sim::kProgramTearCount);
  const auto erase = static_cast<sim::EraseTear>(GetParam() % sim::kEraseTearCount);
  const std::uint64_t operations = operations_of_a_clean_life();
  ASSERT_GT(operations, 800U);
  ASSERT_LT(operations, 1000U) << "no page of an image is programmed twice";
  const std::uint64_t seed = test::seed_of_run();
  for (std::uint64_t cut = (GetParam() + seed) % stride(); cut < operations; cut += stride()) {
    const auto broken = live_with_cuts(
        {{.at_operation = cut, .tear_seed = seed + cut, .program = program, .erase = erase}});
    ASSERT_THAT(broken, IsEmpty()) << "cut at operation " << cut << ", " << to_text(program)
                                   << " / " << to_text(erase) << ", OTA_TEST_SEED=" << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(EachTear, PowerCutTest, ::testing::Range<std::uint8_t>(0, kTearCount));

/// Notes which operations are erases.
class EraseLog final : public flash::NorFlash {
 public:
  explicit EraseLog(sim::SimW25q& part) : part_(part), driver_(part) {}
  flash::Geometry geometry() const noexcept override { return driver_.geometry(); }
  const std::vector<std::uint64_t>& operations() const { return operations_; }

 private:
  Status do_start() noexcept override { return driver_.start(); }
  Status do_read(std::uint32_t address, MutableBytes out) noexcept override {
    return driver_.read(address, out);
  }
  Status do_program(std::uint32_t address, Bytes data) noexcept override {
    return driver_.program(address, data);
  }
  Status do_erase_unit(std::uint32_t address, std::uint32_t unit_bytes) noexcept override {
    operations_.push_back(part_.operations());
    return driver_.erase(address, unit_bytes);
  }

  sim::SimW25q& part_;
  flash::W25q driver_;
  std::vector<std::uint64_t> operations_;
};

// Erases are few among the operations, and what they leave unstable is the hardest to see.
TEST(PowerCutUnstable, EveryEraseKeepsWhatWasDurable) {
  sim::SimW25q part;
  EraseLog log(part);
  Store store(log);
  ASSERT_TRUE(StorageLife(store).go_on());
  ASSERT_GT(log.operations().size(), 5U);
  const std::uint64_t seed = test::seed_of_run();
  const std::uint64_t seeds = exhaustive() ? 32 : 16 / test::sample_of_run();
  for (const std::uint64_t cut : log.operations()) {
    for (std::uint64_t tear = seed; tear < seed + seeds; ++tear) {
      const auto broken = live_with_cuts(
          {{.at_operation = cut, .tear_seed = tear, .erase = sim::EraseTear::Unstable}});
      ASSERT_THAT(broken, IsEmpty()) << "cut at operation " << cut << ", tear seed " << tear;
    }
  }
}

TEST(HostRestart, InAnyStorageOperationKeepsWhatWasDurable) {
  const std::uint64_t operations = operations_of_a_clean_life();
  const std::uint64_t seed = test::seed_of_run();
  for (std::uint64_t cut = seed % stride(); cut < operations; cut += stride()) {
    const auto broken =
        live_with_cuts({{.at_operation = cut, .tear_seed = seed + cut, .host_only = true}});
    ASSERT_THAT(broken, IsEmpty())
        << "host gone at operation " << cut << ", OTA_TEST_SEED=" << seed;
  }
}

TEST(PowerCutPairs, FurtherCutsDuringRecoveryKeepWhatWasDurable) {
  const std::uint64_t operations = operations_of_a_clean_life();
  const std::uint64_t seed = test::seed_of_run();
  SplitMix64 random(seed);
  const std::uint64_t runs = exhaustive() ? 3000 : 150 / test::sample_of_run();
  for (std::uint64_t run = 0; run < runs; ++run) {
    const auto draw = [&](std::uint64_t below) {
      return sim::PowerCut{.at_operation = random.below(below), .tear_seed = random.next()};
    };
    // Recovery writes in the first few operations after the mount.
    const auto broken = live_with_cuts({draw(operations), draw(12), draw(12)});
    ASSERT_THAT(broken, IsEmpty()) << "run " << run << ", OTA_TEST_SEED=" << seed;
  }
}

/// A driver with a bug that tests without power cuts cannot see: it reports a program as done and
/// performs it with the next call.
class WriteBehindFlash final : public flash::NorFlash {
 public:
  explicit WriteBehindFlash(flash::NorFlash& flash) : flash_(flash) {}
  flash::Geometry geometry() const noexcept override { return flash_.geometry(); }

 private:
  Status flush() noexcept {
    if (!pending_) return Ok{};
    const std::uint32_t address = *std::exchange(pending_, std::nullopt);
    return flash_.program(address, Bytes(data_).first(size_));
  }
  Status do_start() noexcept override {
    pending_.reset();
    return flash_.start();
  }
  Status do_read(std::uint32_t address, MutableBytes out) noexcept override {
    OTA_TRY(flash_.read(address, out));
    // It even answers reads from its buffer, so that littlefs finds what it wrote.
    for (std::size_t i = 0; pending_ && i < size_; ++i) {
      const std::uint32_t at = *pending_ + static_cast<std::uint32_t>(i);
      if (at >= address && at - address < out.size()) out[at - address] = data_[i];
    }
    return Ok{};
  }
  Status do_program(std::uint32_t address, Bytes data) noexcept override {
    OTA_TRY(flush());
    std::copy(data.begin(), data.end(), data_.begin());
    size_ = data.size();
    pending_ = address;
    return Ok{};
  }
  Status do_erase_unit(std::uint32_t address, std::uint32_t unit_bytes) noexcept override {
    OTA_TRY(flush());
    return flash_.erase(address, unit_bytes);
  }

  flash::NorFlash& flash_;
  std::optional<std::uint32_t> pending_;
  std::array<std::byte, 256> data_{};
  std::size_t size_ = 0;
};

TEST(PowerCutPlanted, ADriverThatWritesBehindIsCaught) {
  BrokenPromises broken;
  for (std::uint64_t cut = 0; cut < 900 && broken.empty(); ++cut) {
    sim::SimW25q part;
    flash::W25q driver(part);
    WriteBehindFlash behind(driver);
    Store store(behind);
    broken = live_with_cuts(part, store, {{.at_operation = cut, .tear_seed = cut}});
  }
  EXPECT_THAT(broken, Not(IsEmpty()));
}

}  // namespace
}  // namespace ota::store
