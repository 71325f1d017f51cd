#pragma once

namespace ota::cli {

/// What a script can rely on; docs/cli.md lists the same numbers. Never renumbered.
enum class ExitCode : int {
  Ok = 0,             // the goal is reached, "already there" included
  Failed = 1,         // anything without a number of its own
  Usage = 2,          // the command line, or a file named on it
  NotFound = 3,       // no such device, rollout or enrollment
  Conflict = 4,       // exists with other content, or a newer one is deployed
  Refused = 5,        // not authorised, or not confirmed
  RolloutFailed = 6,  // the rollout ended, but not every device runs the release
  Aborted = 7,        // the rollout was aborted
  TimedOut = 8,       // waited long enough; the work goes on
  Throttled = 9,      // try again later; JSON says in how many seconds
  Interrupted = 130,  // Ctrl-C while waiting; the rollout is as it was
};

}  // namespace ota::cli
