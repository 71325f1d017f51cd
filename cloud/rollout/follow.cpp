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

/// When waiting is over.
class Deadline {
 public:
  Deadline(Clock& clock, std::optional<Duration> timeout)
      : clock_(clock), timeout_(timeout), start_(clock.now()) {}

  bool passed() const { return timeout_ && clock_.now() - start_ >= *timeout_; }
  Duration shortened(Duration pause) const {
    if (!timeout_) return pause;
    const Duration left = *timeout_ - (clock_.now() - start_);
    return std::clamp(pause, Duration::zero(), std::max(left, Duration::zero()));
  }

 private:
  Clock& clock_;
  std::optional<Duration> timeout_;
  Instant start_;
};

/// A service that asks for patience gets it.
Duration patient(Duration pause, const Failure& failure) {
  return std::max<Duration>(pause, std::chrono::seconds(failure.retry_after_s.value_or(0)));
}

/// One rollout being followed.
class Follower {
 public:
  Follower(const FollowParts& parts, const FollowRequest& request, FollowObserver& observer)
      : parts_(parts),
        request_(request),
        observer_(observer),
        deadline_(parts.clock, request.timeout),
        hub_(request.hub) {}

  Outcome<Ending> run() {
    for (;;) {
      Duration pause = request_.pace.per_query;
      if (auto seen = look_once(); !seen) {
        if (!is_worth_waiting(seen.error(), hub_)) return seen.error();
        pause = patient(pause, seen.error());
        observer_.away(seen.error(), deadline_.shortened(pause));
      } else {
        hub_ = FollowRequest::Hub::Known;
        if (removed_) return Ending::Removed;
        if (const auto ending = ending_of(*last_)) return *ending;
        pause *= queries_;
      }
      if (deadline_.passed()) return Ending::TimedOut;
      const Duration wait = deadline_.shortened(std::max(pause, request_.interval_min));
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

  const FollowParts& parts_;
  const FollowRequest& request_;
  FollowObserver& observer_;
  Deadline deadline_;
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

Outcome<Ending> follow_all(const FollowParts& parts, const FollowRequest& request,
                           FleetObserver& observer) {
  const Deadline deadline(parts.clock, request.timeout);
  auto hub = request.hub;
  for (;;) {
    const auto seen = look_at_all(parts.hub);
    Duration pause = std::max(request.pace.per_configuration_call,
                              request.pace.per_query * (seen ? seen->queries : 1));
    if (seen) {
      hub = FollowRequest::Hub::Known;
      observer.looked(*seen);
    } else {
      if (!is_worth_waiting(seen.error(), hub)) return seen.error();
      pause = patient(pause, seen.error());
      observer.away(seen.error(), deadline.shortened(pause));
    }
    if (deadline.passed()) return Ending::TimedOut;
    const Duration wait = deadline.shortened(std::max(pause, request.interval_min));
    if (parts.pause.wait(wait) == LookPause::Result::Stopped) return Ending::Stopped;
  }
}

}  // namespace ota::rollout
