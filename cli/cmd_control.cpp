// pause, resume and abort: who a rollout is offered to.

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/confirm.hpp"
#include "cli/control_text.hpp"
#include "cli/json_output.hpp"
#include "cli/rollout_words.hpp"
#include "cli/session.hpp"
#include "cli/verbs.hpp"
#include "cloud/rollout/control.hpp"

namespace ota::cli {
namespace {

using rollout::RolloutState;
using rollout::StateChange;

struct Arguments {
  std::vector<std::string> rollout;
  bool confirmed = false;
};

const char* verdict_of(RolloutState state) {
  switch (state) {
    case RolloutState::Active:
      return "resumed";
    case RolloutState::Paused:
      return "paused";
    case RolloutState::Aborted:
      return "aborted";
  }
  return "unknown";
}

std::string already(RolloutState state) {
  return state == RolloutState::Active ? "not paused, nothing to do"
                                       : "already " + std::string(to_text(state));
}

std::string others_text(const StateChange& change) {
  return change.fallback_version == 0
             ? "are offered nothing"
             : "are offered version " + std::to_string(change.fallback_version) + " meanwhile";
}

void print_text(const StateChange& change, RolloutState state) {
  const rollout::DeployedRelease& release = change.release;
  std::cout << printable(release.id) << ": "
            << (change.already_there ? already(state) : verdict_of(state)) << "\n";
  switch (state) {
    case RolloutState::Active:
      std::cout << "  offered  to all devices of " << printable(rollout_text(release)) << "\n";
      break;
    case RolloutState::Paused:
      std::cout << "  offered  to devices that have begun; they finish\n"
                << "  others   do not begin; they " << others_text(change) << "\n"
                << "  go on    mcu-ota resume " << printable(rollout_words(release)) << "\n";
      break;
    case RolloutState::Aborted:
      std::cout
          << "  offered  to nobody; downloads stop, an MCU that is being programmed finishes\n"
          << "  others   " << others_text(change) << "\n"
          << "  again    deploy the same file and version\n";
      break;
  }
  for (const std::string& id : change.removed) std::cout << "  removed  " << printable(id) << "\n";
}

ExitCode change(const Context& context, Session& session, const rollout::RolloutName& name,
                RolloutState state) {
  const auto changed = rollout::change_state(session.hub(), name, state);
  if (!changed) return report(context, problem_of(changed.error()));
  print_warnings(changed->warnings);
  if (context.format == Format::Table) {
    print_text(*changed, state);
    return ExitCode::Ok;
  }
  auto out =
      change_json(changed->already_there ? "already_there" : verdict_of(state), changed->release,
                  changed->target_condition, changed->removed, changed->warnings);
  out["fallbackVersion"] = nullptr;
  if (changed->fallback_version != 0) out["fallbackVersion"] = changed->fallback_version;
  print_json(out);
  return ExitCode::Ok;
}

std::string abort_consequence(const rollout::AbortPlan& plan) {
  const std::string next = plan.fallback_version == 0 ? "the others are offered nothing"
                                                      : "the others are offered version " +
                                                            std::to_string(plan.fallback_version);
  return "aborting " + rollout_text(plan.release) + " takes it from " + counts_text(plan.counts) +
         ": downloads stop, an MCU that is being programmed finishes, devices that run it keep "
         "it, and " +
         next;
}

ExitCode run(const Context& context, const Arguments& arguments, RolloutState state) {
  const auto name = read_rollout(arguments.rollout);
  if (!name) return report(context, name.error());
  return with_session(context, [&](Session& session) {
    if (state != RolloutState::Aborted) return change(context, session, *name, state);
    const auto plan = rollout::plan_abort(session.hub(), *name);
    if (!plan) return report(context, problem_of(plan.error()));
    const bool nothing_to_do = plan->release.state == RolloutState::Aborted;
    if (const auto refused =
            confirm(arguments.confirmed || nothing_to_do, abort_consequence(*plan))) {
      return report(context, *refused);
    }
    // The version that was asked about, whatever is the newest one, or its newest revision, by now.
    const rollout::DeployedRelease& release = plan->release;
    return change(context, session,
                  {.product = release.product, .group = release.group, .version = release.version},
                  state);
  });
}

void add(CLI::App& app, Context& context, const char* name, const char* purpose, RolloutState state,
         const char* footer) {
  CLI::App* verb = app.add_subcommand(name, purpose);
  const auto arguments = std::make_shared<Arguments>();
  add_rollout(*verb, arguments->rollout)->required();
  if (state == RolloutState::Aborted) add_yes(*verb, arguments->confirmed);
  verb->footer(footer);
  verb->callback([&context, arguments, state] {
    context.run = [&context, arguments, state] { return run(context, *arguments, state); };
  });
}

}  // namespace

void add_control(CLI::App& app, Context& context) {
  add(app, context, "pause", "Let devices that have begun finish, and no other begin",
      RolloutState::Paused,
      "A device has begun when it reported so. The state is in the hub: resume works from any\n"
      "machine.\n"
      "Examples:\n"
      "  mcu-ota pause pump lab\n"
      "  mcu-ota pause ota-pump-lab-v12-r1-1a2b3c4d\n");
  add(app, context, "resume", "Offer a paused rollout to all its devices again",
      RolloutState::Active,
      "Examples:\n"
      "  mcu-ota resume pump lab\n"
      "  mcu-ota resume pump lab 12 --json\n");
  add(app, context, "abort", "Take a rollout back from all devices, for good",
      RolloutState::Aborted,
      "Downloads stop; an MCU that is being programmed finishes; devices that run the version\n"
      "keep it. Devices take the next lower version that is offered. To offer an aborted version\n"
      "again, deploy the same file and version; to go back to the firmware before, see rollback.\n"
      "Examples:\n"
      "  mcu-ota abort pump lab\n"
      "  mcu-ota abort pump lab 12 --yes\n");
}

}  // namespace ota::cli
