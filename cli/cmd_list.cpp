#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/json_output.hpp"
#include "cli/rollout_view.hpp"
#include "cli/session.hpp"
#include "cli/text_of.hpp"
#include "cli/verbs.hpp"
#include "cloud/rollout/status.hpp"

namespace ota::cli {
namespace {

using Json = nlohmann::json;
using rollout::ReleaseStatus;

std::string token_text(const rollout::DeployedRelease& release, contract::UnixSeconds now) {
  if (release.token_expires == 0) return "-";
  const std::string until = contract::to_iso8601(release.token_expires).substr(0, 10);
  return release.token_expires <= now ? until + " (ended)" : until;
}

void print_table(const std::vector<ReleaseStatus>& releases, contract::UnixSeconds now) {
  Table table({"PRODUCT", "GROUP", "VERSION", "REV", "STATE", "FILE", "SIZE", "TOKEN UNTIL", "AGE",
               "ROLLOUT"});
  for (const ReleaseStatus& one : releases) {
    const rollout::DeployedRelease& release = one.release;
    table.add({printable(release.product), printable(release.group),
               std::to_string(release.version), std::to_string(release.revision),
               state_text(release, one.superseded_by), or_dash(printable(release.file_name)),
               release.size_bytes == 0 ? "-" : size_text(release.size_bytes),
               token_text(release, now), age_text(release.created, now), printable(release.id)});
  }
  std::cout << table.text();
}

ExitCode run(const Context& context, Session& session) {
  const auto releases = rollout::list_releases(session.hub());
  if (!releases) return report(context, problem_of(releases.error()));
  if (context.format == Format::Json) {
    Json rows = Json::array();
    for (const ReleaseStatus& one : *releases) {
      rows.push_back(release_json(one.release, one.superseded_by));
    }
    print_json({{"schema", kJsonSchema}, {"rollouts", std::move(rows)}});
  } else if (releases->empty()) {
    std::cerr << "nothing is deployed; begin with `mcu-ota deploy FILE VERSION PRODUCT GROUP`\n";
  } else {
    print_table(*releases, session.clock()());
  }
  return ExitCode::Ok;
}

}  // namespace

void add_list(CLI::App& app, Context& context) {
  CLI::App* verb =
      app.add_subcommand("list", "Every rollout: who gets which image, and until when");
  verb->footer(
      "Examples:\n"
      "  mcu-ota list\n"
      "  mcu-ota list --json | jq -r '.rollouts[] | select(.state==\"paused\").configuration'\n");
  verb->callback([&context] {
    context.run = [&context] {
      return with_session(context, [&context](Session& session) { return run(context, session); });
    };
  });
}

}  // namespace ota::cli
