#include "cli/follow_rollout.hpp"

#include <CLI/CLI.hpp>

#include "cli/duration_option.hpp"
#include "cli/interrupt.hpp"
#include "cli/session.hpp"
#include "device/host/agent/steady_clock.hpp"

namespace ota::cli {

void add_follow_options(CLI::App& verb, FollowOptions& options) {
  add_duration(verb, "--timeout", options.timeout_s,
               "Give up waiting after this time, exit code 8 (default: never)");
  add_duration(verb, "--interval", options.interval_s,
               "Look this often, if the hub's quotas allow it (default: as they allow)");
  add_quota_options(verb, options.quotas);
}

ExitCode exit_code_of(rollout::Ending ending) {
  using rollout::Ending;
  switch (ending) {
    case Ending::AllRunIt:
      return ExitCode::Ok;
    case Ending::SomeFailed:
    case Ending::Superseded:
      return ExitCode::RolloutFailed;
    case Ending::Aborted:
    case Ending::Removed:
      return ExitCode::Aborted;
    case Ending::TimedOut:
      return ExitCode::TimedOut;
    case Ending::Stopped:
      return ExitCode::Interrupted;
  }
  return ExitCode::Failed;
}

namespace {

rollout::FollowRequest request_of(const Session& session, const FollowOptions& options) {
  rollout::FollowRequest request{
      .pace = rollout::pace_of(quotas_for(session, options.quotas)),
      .interval_min = std::chrono::seconds(options.interval_s.value_or(0))};
  if (options.timeout_s) request.timeout = std::chrono::seconds(*options.timeout_s);
  return request;
}

}  // namespace

Result<rollout::Ending, Problem> follow_all(Session& session, const FollowOptions& options,
                                            rollout::FleetObserver& observer) {
  agent::SteadyClock clock;
  InterruptiblePause pause;
  const auto hub = session.hub_to_follow();
  const auto ending = rollout::follow_all({.hub = *hub, .clock = clock, .pause = pause},
                                          request_of(session, options), observer);
  if (!ending) return problem_of(ending.error());
  return *ending;
}

Result<Followed, Problem> follow_rollout(Session& session, const FollowTask& task,
                                         const FollowOptions& options) {
  rollout::FollowRequest request = request_of(session, options);
  request.rollout = task.rollout;
  request.hub = task.hub;
  FollowView view({.mode = task.mode,
                   .stream = task.stream,
                   .timeout_s = options.timeout_s,
                   .now = session.clock()});
  agent::SteadyClock clock;
  InterruptiblePause pause;
  const auto hub = session.hub_to_follow();
  const auto ending = rollout::follow({.hub = *hub, .clock = clock, .pause = pause}, request, view);
  if (!ending) return problem_of(ending.error());
  const ExitCode code = exit_code_of(*ending);
  view.ended(*ending, code);
  return Followed{.exit_code = code, .ending = *ending, .last = view.last()};
}

}  // namespace ota::cli
