// The update thread's loop on the device in virtual time: what the cloud thread puts into the
// inbox, and what comes of it on flash, MCU and hub. The loop runs on the thread of the test; the
// hub's part is played each time that the engine has come back.

#include "device/host/agent/update_loop.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "contract/json/offer_json.hpp"
#include "tests/engine/engine_rig.hpp"

namespace ota::agent {
namespace {

using contract::Code;
using contract::Phase;
using contract::StatusWord;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::size_t kImageBytes = 400'000;
// Longer than each pause of these stories, shorter than the deadline of each phase.
constexpr Duration kStepTime = std::chrono::minutes(5);

class UpdateLoopTest : public ::testing::Test {
 protected:
  UpdateLoopTest() { std::filesystem::create_directories(folder_); }
  ~UpdateLoopTest() override { std::filesystem::remove_all(folder_); }

  net::Wish publish(std::uint32_t version) {
    return {
        contract::encode_offer(rig_.publish(test::random_image(kImageBytes, version), version))};
  }

  /// One run of the agent: restarted devices know only what is on the flash.
  void run_agent() {
    UpdateInbox& inbox = inbox_.emplace();
    if (wish_) inbox.put_wish(*wish_);
    rig_.device.reset();
    rig_.device.emplace(rig_);
    auto events = EventLog::open(events_file_);
    ASSERT_TRUE(events) << events.error();
    FetchMeter meter(folder_ + "/fetched");
    int steps = 0;
    UpdateLoop loop({inbox, rig_.updater(), rig_.store(), meter, **events, rig_.clock}, [&] {
      rig_.clock.advance(kStepTime);  // so that the loop waits for nothing
      if (++steps > 10'000) {
        ADD_FAILURE() << "the engine does not come to rest";
        inbox.put_stop();
      }
      play_hub();
    });
    loop.run();
  }

  /// Acknowledges what was reported, and ends the agent once nothing is left to do.
  void play_hub() {
    if (rig_.hub.to_acknowledge) {
      inbox_->put_acknowledged({*rig_.hub.to_acknowledge});
      rig_.hub.to_acknowledge.reset();
    } else if (rig_.updater().phase() == Phase::Idle) {
      inbox_->put_stop();
    }
  }

  std::vector<std::string> events() const {
    std::ifstream stream(events_file_);
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
  }

  test::EngineRig rig_;
  std::optional<UpdateInbox> inbox_;
  std::optional<net::Wish> wish_;  // what the twin holds when the agent starts
  std::string folder_ = ::testing::TempDir() + "update_loop_" + std::to_string(::getpid());
  std::string events_file_ = folder_ + "/events";
};

TEST_F(UpdateLoopTest, AnOfferBecomesAnOutcomeThatIsAcknowledged) {
  wish_ = publish(7);
  run_agent();
  EXPECT_EQ(rig_.mcu.running(), "7");
  EXPECT_TRUE(rig_.hub.saw(StatusWord::Applied, Code::None));
  EXPECT_TRUE(rig_.updater().journal().outcome.acknowledged);
  EXPECT_THAT(events(), Contains(R"({"event":"offer","version":7})"));
}

TEST_F(UpdateLoopTest, WithoutAWishItRestsUntilItIsStopped) {
  run_agent();
  EXPECT_EQ(rig_.mcu.running(), "5");
  EXPECT_THAT(rig_.transport.requests(), IsEmpty());
}

TEST_F(UpdateLoopTest, AStopDuringADownloadKeepsWhatHasArrived) {
  wish_ = publish(7);
  rig_.transport.on_piece([this](std::uint64_t sent) {
    if (sent >= kImageBytes / 2) inbox_->put_stop();
  });
  run_agent();
  EXPECT_FALSE(rig_.store().candidate_open());
  EXPECT_EQ(rig_.mcu.running(), "5");
  ASSERT_THAT(rig_.transport.requests(), SizeIs(1));
  const std::uint64_t before = rig_.transport.bytes_sent();

  rig_.transport.on_piece({});
  run_agent();
  EXPECT_EQ(rig_.mcu.running(), "7");
  ASSERT_THAT(rig_.transport.requests(), SizeIs(2));
  EXPECT_EQ(rig_.transport.requests()[1].first_byte, before) << "a clean stop loses no byte";
}

TEST_F(UpdateLoopTest, ANewerOfferInterruptsADownload) {
  wish_ = publish(7);
  bool replaced = false;
  rig_.transport.on_piece([&](std::uint64_t sent) {
    if (sent < kImageBytes / 4 || std::exchange(replaced, true)) return;
    inbox_->put_wish(publish(8));
  });
  run_agent();
  EXPECT_EQ(rig_.mcu.running(), "8");
  EXPECT_EQ(rig_.mcu.programmings, 1) << "the older one never reached the MCU";
  EXPECT_THAT(events(), Contains(R"({"event":"offer","version":8})"));
}

TEST_F(UpdateLoopTest, AWithdrawnOfferIsNotFetchedOn) {
  wish_ = publish(7);
  rig_.transport.on_piece([this](std::uint64_t) { inbox_->put_wish({}); });
  run_agent();
  EXPECT_EQ(rig_.mcu.running(), "5");
  EXPECT_LT(rig_.transport.bytes_sent(), kImageBytes);
  EXPECT_THAT(events(), Contains(R"({"event":"withdrawn"})"));
}

TEST_F(UpdateLoopTest, AMalformedOfferIsRefusedByName) {
  publish(9);
  wish_ = net::Wish{R"({"version":9,"attempt":2,"sas":"sig=SECRET"})"};
  run_agent();
  EXPECT_THAT(rig_.transport.requests(), IsEmpty());
  ASSERT_TRUE(rig_.hub.saw(StatusWord::Error, Code::BadOffer));
  const contract::Report& report = rig_.last_report();
  EXPECT_EQ(report.target, 9U);
  EXPECT_EQ(report.attempt, 2U);
  EXPECT_EQ(report.version, 5U);
  EXPECT_THAT(std::string(report.detail.view()), HasSubstr("is missing"));
  EXPECT_TRUE(rig_.updater().journal().outcome.acknowledged);
  for (const std::string& line : events()) {
    EXPECT_THAT(line, Not(HasSubstr("\"offer\"")));
    EXPECT_THAT(line, Not(HasSubstr("SECRET")));
  }
}

TEST_F(UpdateLoopTest, AFailureIsAnOutcomeToo) {
  rig_.mcu.mute_images = {7};
  wish_ = publish(7);
  run_agent();
  EXPECT_TRUE(rig_.hub.saw(StatusWord::Error, Code::RolledBack));
  EXPECT_EQ(rig_.mcu.running(), "5");
  EXPECT_TRUE(rig_.updater().journal().outcome.acknowledged);
}

}  // namespace
}  // namespace ota::agent
