#include "cloud/rollout/follow.hpp"

#include "tests/http/rollout_hub.hpp"

namespace ota::rollout {
namespace {

using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::SizeIs;

/// Time that passes only while somebody waits, and a test that acts meanwhile.
class Time final : public Clock, public LookPause {
 public:
  Instant now() noexcept override { return now_; }
  Result wait(Duration duration) override {
    waits.push_back(duration);
    now_ += duration;
    const auto turn = static_cast<int>(waits.size());
    if (meanwhile) meanwhile(turn);
    return turn >= turns_max ? Result::Stopped : Result::Over;
  }

  std::vector<Duration> waits;
  std::function<void(int turn)> meanwhile;
  int turns_max = 50;

 private:
  Instant now_{};
};

class Notes final : public FollowObserver {
 public:
  void looked(const Sight& sight) override { sights.push_back(sight); }
  void away(const Failure& why, Duration pause) override {
    failures.push_back(why);
    pauses.push_back(pause);
  }
  std::vector<Sight> sights;
  std::vector<Failure> failures;
  std::vector<Duration> pauses;
};

class Follow : public test::RolloutHub {
 protected:
  Outcome<Ending> run() {
    request.rollout = {.product = "pump", .group = "lab"};
    return follow({.hub = hub, .clock = time, .pause = time}, request, notes);
  }

  /// What the count gives: devices that wait, download, run the version, have given up.
  void devices(int waiting, int downloading, int done, int failed = 0) {
    const auto row = [](const std::string& members, int n) {
      return R"({"product":"pump","inGroup":"lab")" + members + R"(,"n":)" + std::to_string(n) +
             "}";
    };
    std::string rows;
    const auto add = [&rows](const std::string& text) { rows += (rows.empty() ? "" : ",") + text; };
    if (waiting > 0) add(row("", waiting));
    if (downloading > 0) add(row(R"(,"status":"downloading","version":7,"target":8)", downloading));
    if (done > 0) add(row(R"(,"status":"applied","version":8,"target":8)", done));
    if (failed > 0) {
      add(row(R"(,"status":"error","version":7,"target":8,"code":"rolled_back")", failed));
    }
    const std::string total = row("", waiting + downloading + done + failed);
    answer_query = [rows, total](const std::string& query) {
      const bool grouped = query.find("Status AS status") != std::string::npos;
      return test::Response{.body = "[" + (grouped ? rows : total) + "]"};
    };
  }

  Time time;
  Notes notes;
  FollowRequest request;
};

TEST_F(Follow, EndsWhenEveryDeviceRunsIt) {
  devices(2, 0, 0);
  time.meanwhile = [this](int turn) {
    if (turn == 1) devices(1, 1, 0);
    if (turn == 3) devices(0, 0, 2);
  };
  EXPECT_EQ(run().value(), Ending::AllRunIt);
  ASSERT_THAT(notes.sights, SizeIs(4));
  EXPECT_TRUE(notes.sights[0].changed);
  EXPECT_TRUE(notes.sights[1].changed);
  EXPECT_FALSE(notes.sights[2].changed);
  EXPECT_TRUE(notes.sights[3].ended());
  EXPECT_EQ(notes.sights[3].tally.done, 2);
}

TEST_F(Follow, EndsWhenTheRestHasGivenUp) {
  devices(0, 0, 2, 1);
  EXPECT_EQ(run().value(), Ending::SomeFailed);
  EXPECT_THAT(time.waits, IsEmpty());
}

TEST_F(Follow, WhileNobodyIsTargetedItIsNotDone) {
  devices(0, 0, 0);
  request.timeout = seconds(5);
  EXPECT_EQ(run().value(), Ending::TimedOut);
}

TEST_F(Follow, AnAbortAPauseAndARemovalAreSeen) {
  devices(1, 0, 0);
  time.meanwhile = [this](int turn) {
    if (turn == 1) configurations = {test::configuration(8, 1, RolloutState::Paused)};
    if (turn == 2) configurations = {test::configuration(8, 1, RolloutState::Aborted)};
  };
  EXPECT_EQ(run().value(), Ending::Aborted);
  ASSERT_THAT(notes.sights, SizeIs(3));
  EXPECT_EQ(notes.sights[1].release.state, RolloutState::Paused);
  EXPECT_TRUE(notes.sights[1].changed);
}

TEST_F(Follow, ARemovedConfigurationEndsIt) {
  devices(1, 0, 0);
  time.meanwhile = [this](int) { configurations = {test::configuration(7)}; };
  EXPECT_EQ(run().value(), Ending::Removed);
}

TEST_F(Follow, ANewerVersionEndsItUnlessEveryDeviceRunsThisOne) {
  devices(1, 0, 1);
  time.meanwhile = [this](int) { configurations.push_back(test::configuration(9)); };
  EXPECT_EQ(run().value(), Ending::Superseded);
  EXPECT_EQ(notes.sights.back().superseded_by, 9U);
  devices(0, 0, 2);
  request.rollout = {.product = "pump", .group = "lab", .version = 8};
  EXPECT_EQ(follow({.hub = hub, .clock = time, .pause = time}, request, notes).value(),
            Ending::AllRunIt);
}

TEST_F(Follow, GoesOnWithTheNewRevisionOfTheVersion) {
  devices(0, 0, 1, 1);
  configurations = {test::configuration(8, 2)};
  answer_query = [](const std::string& query) {
    const bool grouped = query.find("Status AS status") != std::string::npos;
    return test::Response{
        .body = grouped ? R"([{"product":"pump","inGroup":"lab","status":"error","version":7,
                              "target":8,"attempt":0,"n":1}])"
                        : R"([{"product":"pump","inGroup":"lab","n":1}])"};
  };
  time.meanwhile = [this](int) { devices(0, 0, 1); };
  EXPECT_EQ(run().value(), Ending::AllRunIt);
  EXPECT_EQ(notes.sights[0].tally.waiting, 1);
  EXPECT_EQ(notes.sights[0].release.revision, 2U);
}

TEST_F(Follow, TheDeadlineEndsItAndIsNotOverrun) {
  devices(1, 0, 0);
  request.timeout = seconds(30);
  request.pace = pace_of(quotas_of(Tier::S1, 1));
  EXPECT_EQ(run().value(), Ending::TimedOut);
  EXPECT_THAT(time.waits, ElementsAre(seconds(12), seconds(12), seconds(6)));
}

TEST_F(Follow, WhoeverDoesNotWantToWaitIsLetGo) {
  devices(1, 0, 0);
  time.turns_max = 2;
  EXPECT_EQ(run().value(), Ending::Stopped);
}

TEST_F(Follow, TwoQueriesALookCostTwoPauses) {
  devices(0, 1, 0);
  request.pace = {.per_query = seconds(12), .per_configuration_call = seconds(30)};
  time.turns_max = 5;
  EXPECT_EQ(run().value(), Ending::Stopped);
  EXPECT_THAT(time.waits, Each(seconds(24)));
  EXPECT_THAT(queries(), SizeIs(10));
  // The configurations are read on their own, slower beat: at 0, 48 and 96 seconds.
  EXPECT_EQ(server.requests().size() - queries().size(), 3U);
}

TEST_F(Follow, AHubThatIsAwayForAWhileIsWaitedFor) {
  devices(1, 0, 0);
  time.meanwhile = [this](int turn) {
    if (turn == 1) answer_query = [](const std::string&) { return test::Response{.drop = true}; };
    if (turn == 4) devices(0, 0, 1);
  };
  EXPECT_EQ(run().value(), Ending::AllRunIt);
  EXPECT_THAT(notes.failures, SizeIs(3));
  EXPECT_THAT(notes.sights, SizeIs(2));
}

TEST_F(Follow, ThrottlingIsObeyed) {
  devices(1, 0, 0);
  time.meanwhile = [this](int turn) {
    answer_query = [](const std::string&) {
      return test::Response{.status = 429, .headers = {{"Retry-After", "90"}}};
    };
    if (turn == 2) devices(0, 0, 1);
  };
  EXPECT_EQ(run().value(), Ending::AllRunIt);
  EXPECT_THAT(notes.pauses, ElementsAre(seconds(90)));
  EXPECT_THAT(time.waits, ElementsAre(seconds(1), seconds(90)));
}

TEST_F(Follow, ThrottlingOfTheFirstLookIsObeyedToo) {
  answer_configurations = [] {
    return test::Response{.status = 429, .headers = {{"Retry-After", "60"}}};
  };
  devices(0, 0, 1);
  time.meanwhile = [this](int) { answer_configurations = [this] { return answer_list(); }; };
  EXPECT_EQ(run().value(), Ending::AllRunIt);
  EXPECT_THAT(time.waits, ElementsAre(seconds(60)));
}

TEST_F(Follow, AHubThatWasNeverThereIsAnErrorAtOnce) {
  answer_configurations = [] { return test::Response{.drop = true}; };
  EXPECT_EQ(run().error().kind, Failure::Kind::Failed);
  EXPECT_THAT(time.waits, IsEmpty());
  // Unless it answered a moment ago.
  request.hub = FollowRequest::Hub::Known;
  time.turns_max = 3;
  EXPECT_EQ(run().value(), Ending::Stopped);
}

TEST_F(Follow, WhatWaitingCannotMendEndsIt) {
  devices(1, 0, 0);
  time.meanwhile = [this](int) {
    answer_configurations = [] { return test::Response{.status = 401}; };
  };
  EXPECT_EQ(run().error().kind, Failure::Kind::Refused);
  configurations.clear();
  answer_configurations = [this] { return answer_list(); };
  EXPECT_EQ(run().error().code, "nothing_deployed");
}

TEST_F(Follow, NeedsNothingFromTheFollowerBefore) {
  devices(1, 1, 1);
  time.turns_max = 1;
  EXPECT_EQ(run().value(), Ending::Stopped);
  Notes again;
  devices(0, 0, 3);
  EXPECT_EQ(follow({.hub = hub, .clock = time, .pause = time}, request, again).value(),
            Ending::AllRunIt);
  EXPECT_EQ(again.sights.at(0).tally.done, 3);
}

TEST_F(Follow, AllRolloutsTogetherCostOneCount) {
  configurations = {test::configuration(7), test::configuration(8)};
  devices(1, 0, 1);
  const auto seen = look_at_all(hub);
  ASSERT_TRUE(seen) << seen.error().message;
  ASSERT_THAT(seen->rollouts, SizeIs(1));
  EXPECT_EQ(seen->rollouts[0].release.version, 8U);
  EXPECT_EQ(seen->rollouts[0].tally.targeted, 2);
  EXPECT_EQ(seen->queries, 1);
}

class FleetNotes final : public FleetObserver {
 public:
  void looked(const FleetSight& sight) override { sights.push_back(sight); }
  void away(const Failure& why, Duration) override { failures.push_back(why.code); }
  std::vector<FleetSight> sights;
  std::vector<std::string> failures;
};

class FollowAll : public Follow {
 protected:
  Outcome<Ending> run() {
    return follow_all({.hub = hub, .clock = time, .pause = time}, request, fleet);
  }
  FleetNotes fleet;
};

TEST_F(FollowAll, GoesOnAfterEveryRolloutHasEndedUntilTheDeadline) {
  devices(0, 0, 2);
  request.timeout = seconds(10);
  request.interval_min = seconds(4);
  EXPECT_EQ(run().value(), Ending::TimedOut);
  EXPECT_THAT(time.waits, ElementsAre(seconds(4), seconds(4), seconds(2)));
  ASSERT_THAT(fleet.sights, SizeIs(4));
  EXPECT_EQ(fleet.sights[3].rollouts.at(0).tally.done, 2);
}

TEST_F(FollowAll, PaysForEachQueryAndObeysTheHub) {
  devices(0, 0, 2);  // nobody without a report: one more count
  request.pace.per_query = seconds(12);
  time.turns_max = 3;
  time.meanwhile = [this](int turn) {
    answer_configurations = [this, turn] {
      return turn == 1 ? test::Response{.status = 429, .headers = {{"Retry-After", "90"}}}
                       : answer_list();
    };
  };
  EXPECT_EQ(run().value(), Ending::Stopped);
  EXPECT_THAT(time.waits, ElementsAre(seconds(24), seconds(90), seconds(24)));
  EXPECT_THAT(fleet.failures, ElementsAre("throttled"));
}

TEST_F(FollowAll, AHubThatWasNeverThereIsAnErrorAtOnce) {
  answer_configurations = [] { return test::Response{.drop = true}; };
  EXPECT_EQ(run().error().kind, Failure::Kind::Failed);
  EXPECT_THAT(time.waits, IsEmpty());
}

}  // namespace
}  // namespace ota::rollout
