#include "cloud/rollout/follow.hpp"

#include <algorithm>

#include "cloud/rollout/status.hpp"

namespace ota::rollout {
namespace {

/// What the configurations say about one version of a product and group.
struct Standings {
  std::optional<DeployedRelease> release = {};
  std::uint32_t superseded_by = 0;
};

Standings standings_of(const std::vector<rest::Configuration>& configurations,
                       const DeployedRelease& followed) {
  Standings out;
  for (DeployedRelease& one : releases_of(configurations, followed.product, followed.group)) {
    const bool offered = one.state != RolloutState::Aborted;
    if (one.version > followed.version && offered && out.superseded_by == 0) {
      out.superseded_by = one.version;
    }
    if (one.version == followed.version && !out.release) out.release = std::move(one);
  }
  return out;
}

std::optional<Ending> ending_of(const Sight& sight) {
  if (sight.release.state == RolloutState::Aborted) return Ending::Aborted;
  if (sight.tally.ended()) {
    return sight.tally.done == sight.tally.targeted ? Ending::AllRunIt : Ending::SomeFailed;
  }
  if (sight.superseded_by != 0) return Ending::Superseded;
  return std::nullopt;
}

bool same_to_see(const Sight& a, const Sight& b) {
  return a.tally == b.tally && a.superseded_by == b.superseded_by && a.release.id == b.release.id &&
         a.release.state == b.release.state && a.release.token_expires == b.release.token_expires;
}

/// One rollout being followed.
class Follower {
 public:
  Follower(const FollowParts& parts, const FollowRequest& request, FollowObserver& observer)
      : parts_(parts),
        request_(request),
        observer_(observer),
        start_(parts.clock.now()),
        hub_(request.hub) {}

  Outcome<Ending> run() {
    for (;;) {
      Duration pause = request_.pace.per_query;
      if (auto seen = look_once(); !seen) {
        if (!is_worth_waiting(seen.error(), hub_)) return seen.error();
        pause =
            std::max<Duration>(pause, std::chrono::seconds(seen.error().retry_after_s.value_or(0)));
        observer_.away(seen.error(), within_deadline(pause));
      } else {
        hub_ = FollowRequest::Hub::Known;
        if (removed_) return Ending::Removed;
        if (const auto ending = ending_of(*last_)) return *ending;
        pause *= queries_;
      }
      if (timed_out()) return Ending::TimedOut;
      const Duration wait = within_deadline(std::max(pause, request_.interval_min));
      if (parts_.pause.wait(wait) == LookPause::Result::Stopped) return Ending::Stopped;
    }
  }

 private:
  Outcome<Ok> look_once() {
    OTA_TRY(read_configurations());
    if (removed_) return Ok{};
    OTA_TRY(const TallyCount count, count_by_query(parts_.hub, *standings_.release));
    queries_ = count.queries;
    Sight sight{.release = *standings_.release,
                .superseded_by = standings_.superseded_by,
                .tally = count.tally};
    sight.changed = !last_ || !same_to_see(*last_, sight);
    last_ = std::move(sight);
    observer_.looked(*last_);
    return Ok{};
  }

  /// Asks no more often than its own quota allows.
  Outcome<Ok> read_configurations() {
    const Instant now = parts_.clock.now();
    if (configurations_at_ && now - *configurations_at_ < request_.pace.per_configuration_call) {
      return Ok{};
    }
    OTA_TRY(const auto all, outcome_of(parts_.hub.list_configurations()));
    if (!standings_.release) {
      OTA_TRY(Rollout found, find_rollout(all, request_.rollout));
      standings_.release = std::move(found.release);
    }
    auto standings = standings_of(all, *standings_.release);
    removed_ = !standings.release;
    if (removed_) standings.release = standings_.release;
    standings_ = std::move(standings);
    configurations_at_ = now;
    return Ok{};
  }

  bool timed_out() const {
    return request_.timeout && parts_.clock.now() - start_ >= *request_.timeout;
  }

  Duration within_deadline(Duration pause) const {
    if (!request_.timeout) return pause;
    const Duration left = *request_.timeout - (parts_.clock.now() - start_);
    return std::clamp(pause, Duration::zero(), std::max(left, Duration::zero()));
  }

  const FollowParts& parts_;
  const FollowRequest& request_;
  FollowObserver& observer_;
  Instant start_;
  FollowRequest::Hub hub_;
  bool removed_ = false;
  int queries_ = 1;
  Standings standings_;
  std::optional<Instant> configurations_at_;
  std::optional<Sight> last_;
};

}  // namespace

bool Sight::ended() const { return ending_of(*this).has_value(); }

std::string_view to_text(Ending ending) {
  switch (ending) {
    case Ending::AllRunIt:
      return "all_run_it";
    case Ending::SomeFailed:
      return "some_failed";
    case Ending::Aborted:
      return "aborted";
    case Ending::Removed:
      return "removed";
    case Ending::Superseded:
      return "superseded";
    case Ending::TimedOut:
      return "timed_out";
    case Ending::Stopped:
      return "stopped";
  }
  return "stopped";
}

bool is_worth_waiting(const Failure& failure, FollowRequest::Hub hub) {
  if (failure.kind == Failure::Kind::Throttled) return true;
  if (hub == FollowRequest::Hub::New || failure.kind != Failure::Kind::Failed) return false;
  constexpr std::string_view kLasting[] = {"tls_untrusted", "unreadable_answer", "too_many_rows"};
  return std::find(std::begin(kLasting), std::end(kLasting), failure.code) == std::end(kLasting);
}

Outcome<Sight> look(rest::HubClient& hub, const RolloutName& name) {
  OTA_TRY(const auto all, outcome_of(hub.list_configurations()));
  OTA_TRY(const Rollout found, find_rollout(all, name));
  auto standings = standings_of(all, found.release);
  OTA_TRY(const TallyCount count, count_by_query(hub, *standings.release));
  return Sight{.release = std::move(*standings.release),
               .superseded_by = standings.superseded_by,
               .tally = count.tally};
}

Outcome<Ending> follow(const FollowParts& parts, const FollowRequest& request,
                       FollowObserver& observer) {
  return Follower(parts, request, observer).run();
}

Outcome<FleetSight> look_at_all(rest::HubClient& hub) {
  OTA_TRY(const auto releases, list_releases(hub));
  OTA_TRY(const FleetCount count, count_fleet(hub, ""));
  FleetSight out{.queries = count.queries};
  for (const ReleaseStatus& one : releases) {
    if (one.superseded_by != 0 || one.release.state == RolloutState::Aborted) continue;
    out.rollouts.push_back({.release = one.release, .tally = tally_of(count.rows, one.release)});
  }
  return out;
}

}  // namespace ota::rollout
