#include "cloud/rollout/revise.hpp"

#include <algorithm>

#include "cloud/rollout/revisions.hpp"

namespace ota::rollout {
namespace {

using Configurations = std::vector<rest::Configuration>;
using Kind = rest::ApiError::Kind;

/// A token that ends at most so much earlier than asked for is what an interrupted renewal made.
constexpr contract::UnixSeconds kInterruptedSeconds = 3600;

std::string word_of(Purpose purpose) { return purpose == Purpose::Retry ? "retry" : "renew"; }

/// The next revision of one release on its way.
class Revision {
 public:
  Revision(const Cloud& cloud, const ReviseRequest& request) : cloud_(cloud), request_(request) {}

  Outcome<ReviseResult> run() {
    OTA_TRY(const Configurations all, outcome_of(cloud_.hub.list_configurations()));
    OTA_TRY(const Rollout named, find_rollout(all, request_.name));
    revisions_ = revisions_of(all, named.release);
    result_.counts = metrics_of(revisions_.back());
    const DeployedRelease before = *read_release(revisions_.back());
    OTA_TRY(check_allowed(all, before));
    if (was_interrupted(before)) return finish(ReviseResult::What::Finished, revisions_.back());
    OTA_TRY(rest::Configuration next, next_revision(revisions_.back()));
    OTA_TRY(create(next));
    OTA_TRY(remove_before(before, next));
    return finish(ReviseResult::What::Created, next);
  }

 private:
  Outcome<Ok> check_allowed(const Configurations& all, const DeployedRelease& release) const {
    if (release.state == RolloutState::Aborted) return rollout_aborted(release);
    const auto releases = releases_of(all, release.product, release.group);
    const auto newer = std::find_if(releases.begin(), releases.end(), [&](const auto& one) {
      return one.version > release.version && one.state == RolloutState::Active;
    });
    if (newer == releases.end()) return Ok{};
    return Failure{.kind = Failure::Kind::Conflict,
                   .code = "superseded",
                   .message = "version " + std::to_string(release.version) +
                              " is superseded by version " + std::to_string(newer->version) +
                              " and is offered to no device; " + word_of(request_.purpose) +
                              " that one"};
  }

  contract::UnixSeconds wanted_expiry(const DeployedRelease& before) const {
    const contract::UnixSeconds asked = cloud_.now() + request_.token_days * kSecondsPerDay;
    // A retry makes no token shorter.
    return request_.purpose == Purpose::Retry ? std::max(asked, before.token_expires) : asked;
  }

  /// Another revision beside the newest one: somebody was interrupted before he deleted it.
  bool was_interrupted(const DeployedRelease& newest) const {
    if (revisions_.size() < 2) return false;
    return request_.purpose == Purpose::Retry ||
           newest.token_expires + kInterruptedSeconds >= wanted_expiry(newest);
  }

  Outcome<rest::Configuration> next_revision(const rest::Configuration& before) {
    OTA_TRY(Release release, unpack(before));
    const DeployedRelease read = *read_release(before);
    OTA_TRY(const rest::BlobPlace place, find_blob(release));
    ++release.revision;
    release.sas = cloud_.blobs.read_sas(place.container, place.name,
                                        cloud_.now() - kTokenHeadStartSeconds, wanted_expiry(read));
    OTA_TRY(rest::Configuration next, make_configuration(release));
    for (const auto& [name, value] : before.labels) next.labels.emplace(name, value);
    set_state(next, read.state);
    return next;
  }

  /// A token for a blob that is gone would make each device fail.
  Outcome<rest::BlobPlace> find_blob(const Release& release) {
    OTA_TRY(rest::BlobPlace place, find_place(cloud_.blobs, release.url));
    const auto blob = cloud_.blobs.properties(place.container, place.name);
    if (!blob && blob.error().kind != Kind::NotFound) return failure_of(blob.error());
    if (blob && blob->size_bytes == release.size_bytes) return place;
    return Failure{.kind = Failure::Kind::NotFound,
                   .code = "blob_missing",
                   .message = "its blob " + place.container + "/" + place.name + " is " +
                              (blob ? "of another size" : "gone") +
                              ", so no device could download it; deploy the file again under a "
                              "new version"};
  }

  Outcome<Ok> create(const rest::Configuration& next) {
    const auto created = cloud_.hub.create_configuration(next);
    if (created) return Ok{};
    if (created.error().kind != Kind::Conflict) return failure_of(created.error());
    return changed_meanwhile(revisions_.back().id, "'" + next.id +
                                                       "' took its place (another retry or "
                                                       "renewal)");
  }

  /// Deletes the older revisions, unless somebody changed the last one after it was read.
  Outcome<Ok> remove_before(const DeployedRelease& before, const rest::Configuration& next) {
    const auto removed = cloud_.hub.delete_configuration(before.id, before.etag);
    if (removed || removed.error().kind == Kind::NotFound) {
      result_.removed.push_back(before.id);
    } else if (removed.error().kind == Kind::Conflict) {
      OTA_TRY(settle(before, next));
    } else {
      result_.warnings.push_back("the revision before, " + before.id +
                                 ", stays, and the new one counts: " + removed.error().message);
    }
    return Ok{};
  }

  /// The older revision was changed. If its state is another one, that is somebody's wish, of which
  /// the new revision knows nothing: the new one goes again.
  Outcome<Ok> settle(const DeployedRelease& before, const rest::Configuration& next) {
    const auto now = cloud_.hub.get_configuration(before.id);
    if (!now && now.error().kind != Kind::NotFound) return failure_of(now.error());
    if (now && !is_in_state(*now, before.state)) return take_back(*now, next);
    if (now) remove(*now);
    return Ok{};
  }

  Outcome<Ok> take_back(const rest::Configuration& now, const rest::Configuration& next) {
    const std::string state(to_text(read_release(now)->state));
    const auto created = cloud_.hub.get_configuration(next.id);
    if (!created && created.error().kind != Kind::NotFound) return failure_of(created.error());
    if (created) {
      const bool ours = is_in_state(*created, read_release(next)->state);
      const auto gone = ours ? cloud_.hub.delete_configuration(next.id, created->etag)
                             : rest::ApiResult<Ok>(Ok{});
      const bool changed = !ours || (!gone && gone.error().kind == Kind::Conflict);
      if (changed) {  // He changed the new revision as well: his wish is in it, and it stays.
        remove(now);
        return Ok{};
      }
      if (!gone && gone.error().kind != Kind::NotFound) return failure_of(gone.error());
    }
    return changed_meanwhile(now.id, "it is " + state + " now, and nothing of the " +
                                         word_of(request_.purpose) + " is left");
  }

  void remove(const rest::Configuration& configuration) {
    Removal removal;
    remove_unless_changed(cloud_.hub, configuration.id, configuration.etag, removal);
    for (std::string& id : removal.removed) result_.removed.push_back(std::move(id));
    for (std::string& text : removal.warnings) result_.warnings.push_back(std::move(text));
  }

  Outcome<ReviseResult> finish(ReviseResult::What what, const rest::Configuration& newest) {
    // The last one is the newest, or settled.
    for (std::size_t i = 0; i + 1 < revisions_.size(); ++i) remove(revisions_[i]);
    result_.what = what;
    result_.release = *read_release(newest);
    result_.target_condition = newest.target_condition;
    return std::move(result_);
  }

  const Cloud& cloud_;
  const ReviseRequest& request_;
  Configurations revisions_;  // as they were read, oldest first
  ReviseResult result_;
};

}  // namespace

Outcome<ReviseResult> revise(const Cloud& cloud, const ReviseRequest& request) {
  OTA_TRY(check_token_days(request.token_days));
  return Revision(cloud, request).run();
}

}  // namespace ota::rollout
