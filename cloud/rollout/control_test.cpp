#include "cloud/rollout/control.hpp"

#include <gmock/gmock.h>

#include <memory>

#include "tests/http/pump_release.hpp"
#include "tests/http/scripted_cloud.hpp"

namespace ota::rollout {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

rest::Configuration release_of(std::uint32_t version, std::uint32_t revision = 1) {
  Release release = test::pump_release(version, revision);
  release.size_bytes = 8;
  release.sha256 = sha256(bytes_of("firmware"));
  release.sas = "sp=r&se=2030-02-01T00%3A00%3A00Z";
  return *make_configuration(release);
}

class ControlTest : public ::testing::Test, protected CloudRig {
 protected:
  ControlTest() {
    cloud.put(release_of(7));
    cloud.put(release_of(8));
  }

  Outcome<StateChange> change(RolloutState state) {
    return change_state(hub, {.product = "pump", .group = "lab"}, state);
  }
  RolloutState state_of(const rest::Configuration& configuration) {
    return read_release(cloud.get(configuration.id))->state;
  }
  std::size_t writes() const {
    std::size_t count = 0;
    for (const test::Request& request : server.requests()) {
      if (request.method == "PUT" || request.method == "DELETE") ++count;
    }
    return count;
  }
  /// Another operator's change, before the n-th write of ours is looked at.
  void meanwhile(std::size_t n, const std::function<void()>& other) {
    cloud.before_write = [n, other, seen = std::make_shared<std::size_t>(0)](const std::string&,
                                                                             const std::string&) {
      if (++*seen == n) other();
    };
  }
  void put_in_state(rest::Configuration configuration, RolloutState state) {
    set_state(configuration, state);
    cloud.put(configuration);
  }
};

TEST_F(ControlTest, PauseAndResumeChangeTheConditionAndNothingElse) {
  const std::string before = cloud.configurations[release_of(8).id];
  const auto paused = change(RolloutState::Paused);
  ASSERT_TRUE(paused) << paused.error().message;
  EXPECT_FALSE(paused->already_there);
  EXPECT_EQ(paused->release.state, RolloutState::Paused);
  EXPECT_EQ(paused->fallback_version, 7U);
  EXPECT_TRUE(is_in_state(cloud.get(release_of(8).id), RolloutState::Paused));
  EXPECT_TRUE(is_in_state(cloud.get(release_of(7).id), RolloutState::Active));
  const auto resumed = change(RolloutState::Active);
  ASSERT_TRUE(resumed) << resumed.error().message;
  EXPECT_EQ(cloud.configurations[release_of(8).id], before);
}

TEST_F(ControlTest, TheSameAgainWritesNothing) {
  for (const RolloutState state : {RolloutState::Active, RolloutState::Paused}) {
    ASSERT_TRUE(change(state));
    const std::size_t before = writes();
    const auto again = change(state);
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->already_there);
    EXPECT_EQ(writes(), before);
  }
}

TEST_F(ControlTest, AnAbortedOneIsOfferedToNobodyAndCannotBePausedOrResumed) {
  const auto aborted = change(RolloutState::Aborted);
  ASSERT_TRUE(aborted);
  EXPECT_EQ(aborted->target_condition, "");
  EXPECT_EQ(cloud.get(release_of(8).id).target_condition, "");
  const std::size_t before = writes();
  EXPECT_TRUE(change(RolloutState::Aborted)->already_there);
  for (const RolloutState state : {RolloutState::Active, RolloutState::Paused}) {
    const auto refused = change(state);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "rollout_aborted");
    EXPECT_EQ(refused.error().kind, Failure::Kind::Conflict);
  }
  EXPECT_EQ(writes(), before);
}

TEST_F(ControlTest, TheNamedVersionIsChangedWhateverIsNewest) {
  ASSERT_TRUE(
      change_state(hub, {.product = "pump", .group = "lab", .version = 7}, RolloutState::Paused));
  EXPECT_EQ(state_of(release_of(7)), RolloutState::Paused);
  EXPECT_EQ(state_of(release_of(8)), RolloutState::Active);
}

TEST_F(ControlTest, ANameThatIsNotThereChangesNothing) {
  const auto missing =
      change_state(hub, {.product = "pump", .group = "lab", .version = 9}, RolloutState::Aborted);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, Failure::Kind::NotFound);
  EXPECT_EQ(writes(), 0U);
}

TEST_F(ControlTest, BothRevisionsOfAnInterruptedRetryArePausedTheOlderOneFirst) {
  cloud.put(release_of(8, 2));
  std::vector<std::string> order;
  cloud.before_write = [&order](const std::string& method, const std::string& id) {
    order.push_back(method + " " + id);
  };
  const auto paused = change(RolloutState::Paused);
  ASSERT_TRUE(paused);
  EXPECT_THAT(order, ElementsAre("PUT " + release_of(8, 1).id, "PUT " + release_of(8, 2).id,
                                 "DELETE " + release_of(8, 1).id));
  EXPECT_THAT(paused->removed, ElementsAre(release_of(8, 1).id));
  EXPECT_EQ(state_of(release_of(8, 2)), RolloutState::Paused);
}

TEST_F(ControlTest, AnOlderRevisionNeverComesBack) {
  put_in_state(release_of(8, 1), RolloutState::Aborted);
  cloud.put(release_of(8, 2));
  cloud.delete_status = 500;
  ASSERT_TRUE(change(RolloutState::Paused));
  EXPECT_EQ(state_of(release_of(8, 1)), RolloutState::Aborted);
}

TEST_F(ControlTest, WhoComesSecondIsToldWhatTheOtherDid) {
  meanwhile(1, [this] { put_in_state(release_of(8), RolloutState::Aborted); });
  const auto paused = change(RolloutState::Paused);
  ASSERT_FALSE(paused);
  EXPECT_EQ(paused.error().kind, Failure::Kind::Conflict);
  EXPECT_EQ(paused.error().code, "changed_meanwhile");
  EXPECT_THAT(paused.error().message, HasSubstr("it is aborted now"));
  EXPECT_EQ(state_of(release_of(8)), RolloutState::Aborted);
}

TEST_F(ControlTest, WhoComesSecondWithTheSameWishIsContent) {
  meanwhile(1, [this] { put_in_state(release_of(8), RolloutState::Paused); });
  const auto paused = change(RolloutState::Paused);
  ASSERT_TRUE(paused) << paused.error().message;
  EXPECT_TRUE(paused->already_there);
}

TEST_F(ControlTest, ARevisionThatTookItsPlaceIsNamed) {
  meanwhile(1, [this] {
    cloud.put(release_of(8, 2));
    cloud.remove(release_of(8, 1).id);
  });
  const auto paused = change(RolloutState::Paused);
  ASSERT_FALSE(paused);
  EXPECT_THAT(paused.error().message, HasSubstr("revision 2 took its place"));
}

TEST_F(ControlTest, ARevisionThatAppearsBesideThePauseIsPausedToo) {
  // Its maker read the release before the pause, and was stopped before he could see it.
  meanwhile(1, [this] { cloud.put(release_of(8, 2)); });
  const auto paused = change(RolloutState::Paused);
  ASSERT_TRUE(paused) << paused.error().message;
  EXPECT_EQ(paused->release.revision, 2U);
  EXPECT_EQ(state_of(release_of(8, 2)), RolloutState::Paused);
}

TEST_F(ControlTest, ADeletedOneIsSaid) {
  meanwhile(1, [this] { cloud.remove(release_of(8).id); });
  const auto aborted = change(RolloutState::Aborted);
  ASSERT_FALSE(aborted);
  EXPECT_THAT(aborted.error().message, HasSubstr("it was removed"));
}

TEST_F(ControlTest, ThePlanOfAnAbortSaysWhoIsAffected) {
  cloud.count(release_of(8).id, {{"Downloading", 2}, {"Applied", 1}}, 5);
  const auto plan = plan_abort(hub, {.product = "pump", .group = "lab"});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->counts.targeted, 5);
  EXPECT_EQ(plan->counts.downloading, 2);
  EXPECT_EQ(plan->fallback_version, 7U);
  EXPECT_EQ(writes(), 0U);
}

}  // namespace
}  // namespace ota::rollout
