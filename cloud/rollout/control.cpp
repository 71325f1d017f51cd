#include "cloud/rollout/control.hpp"

#include "cloud/rollout/revisions.hpp"

namespace ota::rollout {
namespace {

/// Looks at the hub until all is as wanted: a new revision may appear beside the changes.
constexpr int kRoundsMax = 4;

using Configurations = std::vector<rest::Configuration>;

class StateChanger {
 public:
  StateChanger(rest::HubClient& hub, RolloutState wanted) : hub_(hub), wanted_(wanted) {}

  Outcome<StateChange> run(const RolloutName& name) {
    OTA_TRY(Configurations all, outcome_of(hub_.list_configurations()));
    OTA_TRY(const Rollout named, find_rollout(all, name));
    result_.already_there = true;
    for (int round = 0; round < kRoundsMax; ++round) {
      const Configurations revisions = revisions_of(all, named.release);
      if (revisions.empty()) return changed_meanwhile(named.release.id, "it was removed");
      OTA_TRY(check_allowed(revisions.back()));
      const Configurations changes = changes_of(revisions);
      if (changes.empty()) return finish(all, revisions);
      const rest::Configuration& newest = revisions.back();
      if (newest.id == written_id_ && !is_in_state(newest, wanted_)) return overtaken(newest);
      OTA_TRY(write(changes, named.release));
      OTA_TRY(all, outcome_of(hub_.list_configurations()));
    }
    return changed_meanwhile(named.release.id, "again and again");
  }

 private:
  Outcome<Ok> check_allowed(const rest::Configuration& newest) const {
    const auto release = read_release(newest);
    const bool aborted = release->state == RolloutState::Aborted;
    if (aborted && wanted_ != RolloutState::Aborted) return rollout_aborted(*release);
    return Ok{};
  }

  /// Oldest first. An older revision never comes back: it is not resumed, nor paused after an
  /// abort.
  Configurations changes_of(const Configurations& revisions) const {
    Configurations out;
    for (const rest::Configuration& one : revisions) {
      const bool newest = one.id == revisions.back().id;
      const bool spent = read_release(one)->state == RolloutState::Aborted;
      const bool concerned = newest || (wanted_ != RolloutState::Active && !spent);
      if (!concerned || is_in_state(one, wanted_)) continue;
      out.push_back(one);
      set_state(out.back(), wanted_);
    }
    return out;
  }

  Outcome<Ok> write(const Configurations& changes, const DeployedRelease& release) {
    using Kind = rest::ApiError::Kind;
    for (const rest::Configuration& change : changes) {
      const auto written = hub_.update_configuration(change);
      if (!written && written.error().kind != Kind::Conflict &&
          written.error().kind != Kind::NotFound) {
        return failure_of(written.error());
      }
      if (!written) return lost(release);
      result_.already_there = false;
      written_id_ = change.id;
    }
    return Ok{};
  }

  static Failure overtaken(const rest::Configuration& newest) {
    return changed_meanwhile(newest.id,
                             "it is " + std::string(to_text(read_release(newest)->state)) + " now");
  }

  /// Somebody else was first. If he wanted the same, all is well.
  Outcome<Ok> lost(const DeployedRelease& release) {
    OTA_TRY(const Configurations all, outcome_of(hub_.list_configurations()));
    const Configurations revisions = revisions_of(all, release);
    if (revisions.empty()) return changed_meanwhile(release.id, "it was removed");
    if (is_in_state(revisions.back(), wanted_)) return Ok{};
    const auto newest = read_release(revisions.back());
    if (newest->revision != release.revision) {
      return changed_meanwhile(release.id, "revision " + std::to_string(newest->revision) +
                                               " took its place (retry, renew or deploy)");
    }
    return overtaken(revisions.back());
  }

  Outcome<StateChange> finish(const Configurations& all, const Configurations& revisions) {
    Removal removal;
    remove_older(hub_, revisions, removal);
    result_.removed = std::move(removal.removed);
    result_.warnings = std::move(removal.warnings);
    result_.release = *read_release(revisions.back());
    result_.target_condition = revisions.back().target_condition;
    if (const auto next = fallback_of(all, result_.release)) {
      result_.fallback_version = next->version;
    }
    return std::move(result_);
  }

  rest::HubClient& hub_;
  RolloutState wanted_;
  std::string written_id_;  // of the newest revision that was there when it was changed
  StateChange result_;
};

}  // namespace

Outcome<StateChange> change_state(rest::HubClient& hub, const RolloutName& name,
                                  RolloutState state) {
  return StateChanger(hub, state).run(name);
}

Outcome<AbortPlan> plan_abort(rest::HubClient& hub, const RolloutName& name) {
  OTA_TRY(const Configurations all, outcome_of(hub.list_configurations()));
  OTA_TRY(const Rollout named, find_rollout(all, name));
  const auto next = fallback_of(all, named.release);
  return AbortPlan{.release = named.release,
                   .counts = metrics_of(named.configuration),
                   .fallback_version = next ? next->version : 0};
}

}  // namespace ota::rollout
