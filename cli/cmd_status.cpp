#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/device_view.hpp"
#include "cli/json_output.hpp"
#include "cli/rollout_view.hpp"
#include "cli/rollout_words.hpp"
#include "cli/session.hpp"
#include "cli/text_of.hpp"
#include "cli/verbs.hpp"
#include "cloud/rollout/status.hpp"

namespace ota::cli {
namespace {

using Json = nlohmann::json;
using rollout::ReleaseStatus;

struct Arguments {
  std::vector<std::string> words;
  std::size_t devices_max = 1000;
};

std::string count_text(const std::optional<std::int64_t>& count) {
  return count ? std::to_string(*count) : "-";
}

Json count_json(const std::optional<std::int64_t>& count) {
  return count ? Json(*count) : Json(nullptr);
}

Json to_json(const ReleaseStatus& status) {
  const rollout::Counts& counts = status.counts;
  Json out = release_json(status.release, status.superseded_by);
  out["counts"] = {{"targeted", count_json(counts.targeted)},
                   {"downloading", count_json(counts.downloading)},
                   {"interrupted", count_json(counts.interrupted)},
                   {"applying", count_json(counts.applying)},
                   {"applied", count_json(counts.applied)},
                   {"error", count_json(counts.error)}};
  return out;
}

void print_table(const std::vector<ReleaseStatus>& releases, contract::UnixSeconds now) {
  Table table({"PRODUCT", "GROUP", "VERSION", "STATE", "TARGETED", "DOWNLOADING", "INTERRUPTED",
               "APPLYING", "APPLIED", "ERROR", "AGE", "CONFIGURATION"});
  for (const ReleaseStatus& status : releases) {
    const rollout::DeployedRelease& release = status.release;
    const rollout::Counts& counts = status.counts;
    table.add({printable(release.product), printable(release.group),
               std::to_string(release.version), state_text(release, status.superseded_by),
               count_text(counts.targeted), count_text(counts.downloading),
               count_text(counts.interrupted), count_text(counts.applying),
               count_text(counts.applied), count_text(counts.error), age_text(release.created, now),
               printable(release.id)});
  }
  std::cout << table.text();
}

ExitCode list(const Context& context, Session& session) {
  const auto releases = rollout::list_releases(session.hub());
  if (!releases) return report(context, problem_of(releases.error()));
  if (context.format == Format::Json) {
    Json rows = Json::array();
    for (const ReleaseStatus& status : *releases) rows.push_back(to_json(status));
    print_json({{"schema", kJsonSchema}, {"releases", std::move(rows)}});
    return ExitCode::Ok;
  }
  if (releases->empty()) {
    std::cerr << "nothing is deployed; begin with `mcu-ota deploy FILE VERSION PRODUCT GROUP`\n";
    return ExitCode::Ok;
  }
  print_table(*releases, session.clock()());
  return ExitCode::Ok;
}

ExitCode show(const Context& context, Session& session, const Arguments& arguments) {
  const auto name = read_rollout(arguments.words);
  if (!name) return report(context, name.error());
  const auto detail = rollout::show_rollout(
      session.hub(), *name, {.which = rollout::Which::All, .devices_max = arguments.devices_max});
  if (!detail) return report(context, problem_of(detail.error()));
  const rollout::Sight& sight = detail->sight;
  if (context.format == Format::Json) {
    print_json(detail_json(*detail));
    return ExitCode::Ok;
  }
  std::cout << printable(sight.release.id) << ": " << state_text(sight.release, sight.superseded_by)
            << "\n"
            << tally_text(sight.tally) << "\n";
  if (!sight.tally.failures.empty()) {
    std::cout << "failed: " << failures_text(sight.tally.failures) << "\n";
  }
  if (detail->list.devices.empty()) return ExitCode::Ok;
  std::cout << "\n" << device_table(detail->list.devices, session.clock()());
  if (detail->list.more) std::cout << "... and more; --limit N shows more of them\n";
  return ExitCode::Ok;
}

}  // namespace

void add_status(CLI::App& app, Context& context) {
  CLI::App* verb =
      app.add_subcommand("status", "How far the rollouts are; of one of them, device by device");
  const auto arguments = std::make_shared<Arguments>();
  add_rollout(*verb, arguments->words);
  verb->add_option("--limit", arguments->devices_max, "List so many devices of a rollout at most")
      ->check(CLI::Range(std::size_t{1}, rest::kQueryRowsMax))
      ->capture_default_str()
      ->type_name("N");
  verb->footer(
      "Counts without ROLLOUT are the hub's metrics (Azure counts every five minutes); '-' is not\n"
      "counted yet. Of one rollout its devices are counted at once.\n"
      "Examples:\n"
      "  mcu-ota status\n"
      "  mcu-ota status pump lab\n"
      "  mcu-ota status ota-pump-lab-v12-r1-1a2b3c4d\n"
      "  mcu-ota status --json | jq '.releases[].counts'\n");
  verb->callback([&context, arguments] {
    context.run = [&context, arguments] {
      return with_session(context, [&](Session& session) {
        return arguments->words.empty() ? list(context, session)
                                        : show(context, session, *arguments);
      });
    };
  });
}

}  // namespace ota::cli
