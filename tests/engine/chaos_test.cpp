// Weeks of bad luck, drawn from a seed: power cuts, a network that fails in every way, an MCU that
// fails, a flash that comes and goes, offers that change. Then everything is well again and a good
// offer stands: whatever state the device is in, it must leave it and run that image.

#include <cstdlib>

#include "tests/engine/engine_rig.hpp"
#include "tests/run_settings.hpp"

namespace ota::test {
namespace {

using namespace std::chrono_literals;

class BadLuck {
 public:
  explicit BadLuck(std::uint64_t seed) : random_(seed) {}

  void strike(EngineRig& rig) {
    switch (random_.below(10)) {
      case 0:
      case 1:
        publish_next(rig);
        break;
      case 2:
        rig.part.schedule({.at_operation = random_.below(400), .tear_seed = random_.next()});
        break;
      case 3:
        rig.cut_mcu_step = rig.mcu.steps() + random_.below(60);
        break;
      case 4:
        rig.mcu.failures_left = static_cast<int>(random_.below(6));
        break;
      case 5:
        rig.mcu.mute_images = {version_};
        break;
      case 6:
        rig.part.set_missing(random_.below(2) == 0);
        break;
      case 7:
        rig.updater().withdraw();
        break;
      case 8:
        rig.updater().refuse(Code::BadOffer, version_ + 1, 0, "a key is missing");
        break;
      default:
        for (int i = 0; i < 5; ++i) rig.transport.then(bad_exchange());
    }
    rig.run(std::chrono::minutes(random_.below(90)));
    if (!rig.part.powered() || random_.below(6) == 0) rig.boot();
  }

  std::uint32_t next_version() { return ++version_; }

 private:
  void publish_next(EngineRig& rig) {
    rig.remote.etag = "\"" + std::to_string(random_.next()) + "\"";
    rig.publish(random_image(1 + random_.below(150'000), random_.next()), next_version());
    if (random_.below(8) == 0) rig.twin->sha256 = Digest{};
    rig.offer();
  }

  sim::Exchange bad_exchange() {
    constexpr int kStatuses[] = {400, 403, 404, 408, 412, 416, 429, 500, 503};
    sim::Exchange exchange;
    if (random_.below(2) == 0) exchange.status = kStatuses[random_.below(std::size(kStatuses))];
    if (random_.below(2) == 0) exchange.drop_after = random_.below(100'000);
    exchange.ignore_range = random_.below(4) == 0;
    exchange.excess_bytes = random_.below(4) == 0 ? 1000 : 0;
    exchange.takes = std::chrono::seconds(random_.below(100));
    return exchange;
  }

  SplitMix64 random_;
  std::uint32_t version_ = 10;
};

TEST(Chaos, ADeviceLeavesEveryStateThatBadLuckBringsItInto) {
  const bool given = std::getenv("OTA_TEST_SEED") != nullptr;
  const std::uint64_t first = seed_of_run();
  const std::uint64_t last = given ? first : 80;
  for (std::uint64_t seed = first; seed <= last; seed += sample_of_run()) {
    SCOPED_TRACE(::testing::Message() << "OTA_TEST_SEED=" << seed);
    EngineRig rig;
    BadLuck luck(seed);
    for (int blow = 0; blow < 40; ++blow) luck.strike(rig);
    rig.part.cancel_cut();
    rig.part.set_missing(false);
    rig.cut_mcu_step.reset();
    rig.mcu.failures_left = 0;
    rig.mcu.mute_images = {};
    rig.transport.forget_script();
    rig.run(72h);
    // Without a word from the twin the device already made the best of it, and knows what it has.
    const std::uint32_t known = rig.updater().journal().mcu_version;
    if (known != 0) {
      EXPECT_EQ(rig.mcu.running(), std::to_string(known));
    }
    const bool hopeless = rig.updater().journal().refusal.code == Code::RollbackUnavailable;
    if (rig.updater().phase() == Phase::Idle && !hopeless) {
      EXPECT_NE(rig.mcu.running(), "") << "the device rests beside an MCU that runs nothing";
    }
    const std::uint32_t version = luck.next_version();
    rig.remote.etag = "\"good\"";
    rig.publish(random_image(100'000, seed), version);
    rig.offer();
    rig.run(72h);
    EXPECT_EQ(rig.mcu.running(), std::to_string(version));
    EXPECT_EQ(rig.updater().phase(), Phase::Idle);
    EXPECT_EQ(rig.last_report().status, StatusWord::Applied);
    EXPECT_EQ(rig.mcu.wrong_images, 0);
    EXPECT_EQ(rig.updater().unexpected_events(), 0U);
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace ota::test
