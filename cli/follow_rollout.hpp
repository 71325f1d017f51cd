#pragma once

// Waits for a rollout on behalf of `deploy --wait` and `watch`; the exit code is its outcome.

#include <optional>

#include "cli/follow_view.hpp"
#include "cli/output.hpp"
#include "cli/quota_options.hpp"
#include "cloud/rollout/follow.hpp"

namespace CLI {
class App;
}

namespace ota::cli {

class Session;

struct FollowOptions {
  std::optional<std::int64_t> timeout_s = {};
  std::optional<std::int64_t> interval_s = {};
  QuotaOptions quotas = {};
};

/// --timeout, --interval, --tier and --units.
void add_follow_options(CLI::App& verb, FollowOptions& options);

struct Followed {
  ExitCode exit_code = ExitCode::Ok;
  rollout::Ending ending = rollout::Ending::Stopped;
  std::optional<rollout::Sight> last = {};
};

struct FollowTask {
  rollout::RolloutName rollout = {};
  rollout::FollowRequest::Hub hub = rollout::FollowRequest::Hub::New;
  FollowView::Mode mode = FollowView::Mode::Lines;
  FollowView::Stream stream = FollowView::Stream::Out;
};

Result<Followed, Problem> follow_rollout(Session& session, const FollowTask& task,
                                         const FollowOptions& options);

/// Follows all rollouts in force, for `watch` without one; see rollout::follow_all().
Result<rollout::Ending, Problem> follow_all(Session& session, const FollowOptions& options,
                                            rollout::FleetObserver& observer);

/// 0, 6, 7, 8 or 130.
ExitCode exit_code_of(rollout::Ending ending);

}  // namespace ota::cli
