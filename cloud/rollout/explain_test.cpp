#include "cloud/rollout/explain.hpp"

#include <gmock/gmock.h>

#include <set>

#include "cloud/rollout/tally.hpp"

namespace ota::rollout {
namespace {

using contract::Code;
using contract::Phase;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr contract::UnixSeconds kNow = 1'893'456'000;  // 2030-01-01T00:00:00Z

DeviceState device() {
  DeviceState out{.id = "pump-1",
                  .product = "pump",
                  .group = "lab",
                  .status = "enabled",
                  .connection_state = "Connected",
                  .last_activity = "2029-12-31T23:59:00Z"};
  out.wanted_version = 8;
  out.report.status = "applied";
  out.report.phase = "idle";
  out.report.code = "none";
  out.report.version = 7;
  out.report.target = 7;
  return out;
}

DeployedRelease release(std::uint32_t version = 8, RolloutState state = RolloutState::Active) {
  return {.id = "ota-pump-lab-v" + std::to_string(version) + "-r1-x",
          .product = "pump",
          .group = "lab",
          .version = version,
          .revision = 1,
          .state = state,
          .token_expires = kNow + 86'400};
}

DeviceState reporting(const char* status, const char* phase, const char* code = "none") {
  DeviceState out = device();
  out.report.status = status;
  out.report.phase = phase;
  out.report.code = code;
  out.report.target = 8;
  out.report.since = "2029-12-31T23:57:00Z";
  return out;
}

std::string state_of(const DeviceState& device, const std::vector<DeployedRelease>& releases) {
  return explain(device, releases, kNow).state;
}

TEST(Explain, EachSituationHasItsWord) {
  DeviceState one = device();
  EXPECT_EQ(state_of(one, {}), "nothing_deployed");
  EXPECT_EQ(state_of(one, {release()}), "offered");
  one.wanted_version = 7;
  EXPECT_EQ(state_of(one, {release()}), "not_offered_yet");
  EXPECT_EQ(state_of(one, {release(8, RolloutState::Paused)}), "paused");
  EXPECT_EQ(state_of(one, {release(8, RolloutState::Aborted)}), "aborted");
  one.connection_state = "Disconnected";
  EXPECT_EQ(state_of(one, {release()}), "offline");
  one.group.clear();
  EXPECT_EQ(state_of(one, {release()}), "untagged");
  one.status = "disabled";
  EXPECT_EQ(state_of(one, {release()}), "disabled");
  DeviceState silent{.id = "d",
                     .product = "pump",
                     .group = "lab",
                     .status = "enabled",
                     .connection_state = "Disconnected",
                     .last_activity = "0001-01-01T00:00:00Z"};
  EXPECT_EQ(state_of(silent, {release()}), "never_connected");
}

TEST(Explain, TheOutcomes) {
  DeviceState one = reporting("applied", "idle");
  one.report.version = 8;
  EXPECT_EQ(state_of(one, {release()}), "done");
  one.report.version = 9;
  EXPECT_EQ(state_of(one, {release()}), "newer");
  const auto failed = explain(reporting("error", "idle", "rolled_back"), {release()}, kNow);
  EXPECT_EQ(failed.state, "failed");
  EXPECT_THAT(failed.sentence, HasSubstr("the previous one again"));
  EXPECT_EQ(failed.rollout, release().id);
}

TEST(Explain, AnAbortedVersionLeavesTheOneBeforeItInForce) {
  DeviceState one = device();
  one.wanted_version = 7;
  const auto told = explain(one, {release(7), release(8, RolloutState::Aborted)}, kNow);
  EXPECT_EQ(told.state, "done");
  EXPECT_EQ(told.rollout, release(7).id);
}

TEST(Explain, WorkOnTheWayHasItsAgeAndProgress) {
  DeviceState one = reporting("downloading", "downloading");
  one.report.progress_percent = 50;
  const auto told = explain(one, {release()}, kNow);
  EXPECT_EQ(told.state, "downloading");
  EXPECT_THAT(told.sentence, HasSubstr("for 3 min"));
  EXPECT_THAT(told.sentence, HasSubstr("50 %"));
  one.report.since = "2029-12-28T00:00:00Z";
  EXPECT_EQ(state_of(one, {release()}), "silent");
  one.connection_state = "Disconnected";
  EXPECT_EQ(state_of(one, {release()}), "offline_under_way");
}

TEST(Explain, AnEndedTokenIsNamedOnlyToThoseWhoNeedIt) {
  DeployedRelease ended = release();
  ended.token_expires = kNow - 1;
  const auto told = explain(reporting("interrupted", "waiting", "sas_expired"), {ended}, kNow);
  EXPECT_EQ(told.state, "token_ended");
  EXPECT_THAT(told.next, HasSubstr("mcu-ota renew " + ended.id));
  EXPECT_EQ(state_of(device(), {ended}), "token_ended");
  EXPECT_EQ(state_of(reporting("applying", "programming"), {ended}), "programming");
}

TEST(Explain, EveryCodeHasItsOwnAdvice) {
  std::set<std::string_view> meanings;
  std::set<std::string_view> advice;
  for (std::uint8_t i = 0; i < contract::kCodeCount; ++i) {
    const CodeAdvice one = advice_of(static_cast<Code>(i));
    EXPECT_FALSE(one.meaning.empty()) << to_text(static_cast<Code>(i));
    EXPECT_TRUE(meanings.insert(one.meaning).second) << one.meaning;
    EXPECT_TRUE(advice.insert(one.next).second) << one.next;
  }
}

TEST(Explain, EveryCodeInEveryPhaseIsASentence) {
  for (const char* status :
       {"none", "downloading", "interrupted", "applying", "applied", "error"}) {
    for (std::uint8_t code = 0; code < contract::kCodeCount; ++code) {
      for (std::uint8_t phase = 0; phase < contract::kPhaseCount; ++phase) {
        const DeviceState one =
            reporting(status, std::string(to_text(static_cast<Phase>(phase))).c_str(),
                      std::string(to_text(static_cast<Code>(code))).c_str());
        const auto told = explain(one, {release()}, kNow);
        SCOPED_TRACE(told.sentence + " " + told.next);
        EXPECT_FALSE(told.state.empty());
        EXPECT_TRUE(told.sentence.ends_with("."));
        EXPECT_THAT(told.sentence + told.next, Not(HasSubstr("unknown")));
        EXPECT_FALSE(told.next.empty());
        const Standing standing = standing_of(one.report, release());
        const bool names_it = standing == Standing::Failed || standing == Standing::Interrupted;
        if (names_it && code != 0) {
          EXPECT_THAT(told.sentence,
                      HasSubstr(std::string(advice_of(static_cast<Code>(code)).meaning)));
        }
      }
    }
  }
}

TEST(Explain, AWordOfALaterDeviceIsShownAsItIs) {
  const auto failed = explain(reporting("error", "idle", "sun_spots"), {release()}, kNow);
  EXPECT_THAT(failed.sentence, HasSubstr("'sun_spots'"));
  const auto waits = explain(reporting("interrupted", "waiting", "sun_spots"), {release()}, kNow);
  EXPECT_THAT(waits.sentence, HasSubstr("'sun_spots'"));
  const auto plain = explain(reporting("error", "idle", ""), {release()}, kNow);
  EXPECT_THAT(plain.sentence, HasSubstr("does not say why"));
}

}  // namespace
}  // namespace ota::rollout
