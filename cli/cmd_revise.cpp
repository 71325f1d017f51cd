// retry and renew: the same release again as its next revision.

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "cli/control_text.hpp"
#include "cli/json_output.hpp"
#include "cli/rollout_words.hpp"
#include "cli/session.hpp"
#include "cli/verbs.hpp"
#include "cloud/rollout/revise.hpp"

namespace ota::cli {
namespace {

using rollout::Purpose;
using rollout::ReviseResult;

struct Arguments {
  std::vector<std::string> rollout;
  std::string days = std::to_string(rollout::kTokenDaysDefault);
};

void print_text(const ReviseResult& result) {
  const rollout::DeployedRelease& release = result.release;
  const bool created = result.what == ReviseResult::What::Created;
  std::cout << printable(release.id) << ": "
            << (created ? "revision " + std::to_string(release.revision) + " is offered"
                        : "was there already, made by a command that was interrupted")
            << (release.state == rollout::RolloutState::Paused ? ", paused as before" : "") << "\n"
            << "  devices  those that run version " << release.version
            << " stay as they are; all others try anew, also after a failure\n";
  if (result.counts.error) std::cout << "  failed   " << *result.counts.error << "\n";
  if (release.token_expires != 0) {
    std::cout << "  token    until " << contract::to_iso8601(release.token_expires) << "\n";
  }
  for (const std::string& id : result.removed) std::cout << "  removed  " << printable(id) << "\n";
}

ExitCode run(const Context& context, const Arguments& arguments, Purpose purpose) {
  const auto name = read_rollout(arguments.rollout);
  if (!name) return report(context, name.error());
  const rollout::ReviseRequest request{
      .name = *name,
      .purpose = purpose,
      .token_days = read_number<std::uint32_t>(arguments.days).value_or(0)};
  if (const auto checked = rollout::check_token_days(request.token_days); !checked) {
    return report(context, problem_of(checked.error()));
  }
  return with_session(context, [&](Session& session) {
    const auto blobs = session.blobs();
    if (!blobs) return report(context, blobs.error());
    const auto result =
        rollout::revise({.hub = session.hub(), .blobs = **blobs, .now = session.clock()}, request);
    if (!result) return report(context, problem_of(result.error()));
    print_warnings(result->warnings);
    if (context.format == Format::Table) {
      print_text(*result);
      return ExitCode::Ok;
    }
    const bool created = result->what == ReviseResult::What::Created;
    auto out = change_json(created ? "created" : "finished", result->release,
                           result->target_condition, result->removed, result->warnings);
    out["attempt"] = result->release.revision - 1;
    print_json(out);
    return ExitCode::Ok;
  });
}

}  // namespace

void add_revise(CLI::App& app, Context& context) {
  const auto add = [&](const char* name, const char* purpose_text, Purpose purpose) {
    CLI::App* verb = app.add_subcommand(name, purpose_text);
    const auto arguments = std::make_shared<Arguments>();
    add_rollout(*verb, arguments->rollout)->required();
    verb->callback([&context, arguments, purpose] {
      context.run = [&context, arguments, purpose] { return run(context, *arguments, purpose); };
    });
    return std::pair(verb, arguments);
  };
  const auto [retry, unused] =
      add("retry", "Let devices that failed try a rollout again", Purpose::Retry);
  retry->footer(
      "Makes the next revision of the rollout, with a fresh download token. Devices that run the\n"
      "version already do nothing. Needs the storage account, as deploy does.\n"
      "Examples:\n"
      "  mcu-ota retry pump lab\n"
      "  mcu-ota retry pump lab 12 --json\n");
  const auto [renew, arguments] =
      add("renew", "Give a rollout a new download token", Purpose::Renew);
  renew->add_option("-d,--days", arguments->days, "How long devices may download it from now on")
      ->capture_default_str();
  renew->footer(
      "Makes the next revision of the rollout, which devices take as new work: those that failed\n"
      "try again too. Needs the storage account, as deploy does.\n"
      "Examples:\n"
      "  mcu-ota renew pump lab\n"
      "  mcu-ota renew pump lab 12 -d 90\n");
}

}  // namespace ota::cli
