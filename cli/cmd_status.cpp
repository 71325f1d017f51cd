#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/device_view.hpp"
#include "cli/json_output.hpp"
#include "cli/session.hpp"
#include "cli/text_of.hpp"
#include "cli/verbs.hpp"
#include "cloud/rollout/status.hpp"

namespace ota::cli {
namespace {

using Json = nlohmann::json;
using rollout::ReleaseDetail;
using rollout::ReleaseStatus;

std::string count_text(const std::optional<std::int64_t>& count) {
  return count ? std::to_string(*count) : "-";
}

Json count_json(const std::optional<std::int64_t>& count) {
  return count ? Json(*count) : Json(nullptr);
}

Json to_json(const ReleaseStatus& status) {
  const rollout::DeployedRelease& release = status.release;
  const rollout::Counts& counts = status.counts;
  return {{"configuration", release.id},
          {"product", release.product},
          {"group", release.group},
          {"version", release.version},
          {"revision", release.revision},
          {"file", release.file_name},
          {"sha256", release.sha256},
          {"created", release.created},
          {"counts",
           {{"targeted", count_json(counts.targeted)},
            {"downloading", count_json(counts.downloading)},
            {"interrupted", count_json(counts.interrupted)},
            {"applying", count_json(counts.applying)},
            {"applied", count_json(counts.applied)},
            {"error", count_json(counts.error)}}}};
}

void print_table(const std::vector<ReleaseStatus>& releases, contract::UnixSeconds now) {
  Table table({"PRODUCT", "GROUP", "VERSION", "TARGETED", "DOWNLOADING", "INTERRUPTED", "APPLYING",
               "APPLIED", "ERROR", "AGE", "CONFIGURATION"});
  for (const ReleaseStatus& status : releases) {
    const rollout::DeployedRelease& release = status.release;
    const rollout::Counts& counts = status.counts;
    table.add({printable(release.product), printable(release.group),
               std::to_string(release.version), count_text(counts.targeted),
               count_text(counts.downloading), count_text(counts.interrupted),
               count_text(counts.applying), count_text(counts.applied), count_text(counts.error),
               age_text(release.created, now), printable(release.id)});
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

ExitCode show(const Context& context, Session& session, const std::string& id) {
  const auto detail = rollout::show_release(session.hub(), id);
  if (!detail) return report(context, problem_of(detail.error()));
  if (context.format == Format::Json) {
    Json document = to_json(detail->status);
    document["schema"] = kJsonSchema;
    document["devices"] = Json::array();
    for (const auto& device : detail->devices) document["devices"].push_back(device_json(device));
    print_json(document);
    return ExitCode::Ok;
  }
  const contract::UnixSeconds now = session.clock()();
  print_table({detail->status}, now);
  std::cout << "\n" << device_table(detail->devices, now);
  return ExitCode::Ok;
}

}  // namespace

void add_status(CLI::App& app, Context& context) {
  CLI::App* verb = app.add_subcommand("status", "How far the deployed releases are");
  const auto id = std::make_shared<std::string>();
  verb->add_option("ID", *id, "A configuration: shows its devices, counted from their own reports");
  verb->footer(
      "Counts without ID are the hub's metrics (Azure counts every five minutes); '-' is not "
      "counted yet.\n"
      "Examples:\n"
      "  mcu-ota status\n"
      "  mcu-ota status ota-pump-lab-v12-r1-1a2b3c4d\n"
      "  mcu-ota status --json | jq '.releases[].counts'\n");
  verb->callback([&context, id] {
    context.run = [&context, id] {
      return with_session(context, [&](Session& session) {
        return id->empty() ? list(context, session) : show(context, session, *id);
      });
    };
  });
}

}  // namespace ota::cli
