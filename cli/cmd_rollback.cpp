#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "cli/confirm.hpp"
#include "cli/control_text.hpp"
#include "cli/json_output.hpp"
#include "cli/progress_bar.hpp"
#include "cli/session.hpp"
#include "cli/text_of.hpp"
#include "cli/verbs.hpp"
#include "cloud/rollout/rollback.hpp"
#include "contract/limits.hpp"

namespace ota::cli {
namespace {

using rollout::DeployResult;
using rollout::RollbackPlan;

struct Arguments {
  rollout::RollbackRequest request;
  std::string to_version;
  bool confirmed = false;
  bool dry_run = false;
};

std::string consequence(const RollbackPlan& plan) {
  const std::string old_version = std::to_string(plan.good.version);
  const std::string faulty = std::to_string(plan.faulty.version);
  return "rolling back product '" + plan.good.product + "', group '" + plan.good.group +
         "' brings the image of version " + old_version + " (" + plan.good.file_name + ", sha256 " +
         plan.good.sha256.substr(0, 16) + ") back as version " + std::to_string(plan.version) +
         ", because versions only go up; the MCUs will report '" + plan.mcu_version +
         "'; version " + faulty + " is aborted; " + count_text(plan.devices) +
         (plan.devices == 1 ? " device downloads and programs it, "
                            : " devices download and "
                              "program it, ") +
         count_text(plan.on_faulty) + " of which report version " + faulty + " and " +
         count_text(plan.on_good) + " version " + old_version;
}

void print_plan(const RollbackPlan& plan, const char* verdict) {
  std::cout << "version " << plan.version << " for '" << printable(plan.good.product) << "' '"
            << printable(plan.good.group) << "': " << verdict << "\n"
            << "  image    of version " << plan.good.version << ", "
            << printable(plan.good.file_name) << ", " << size_text(plan.good.size_bytes)
            << ", sha256 " << printable(plan.good.sha256) << "\n"
            << "  MCU      reports '" << printable(plan.mcu_version) << "'\n"
            << "  aborted  version " << plan.faulty.version << "\n"
            << "  devices  " << count_text(plan.devices) << ", of which "
            << count_text(plan.on_faulty) << " report version " << plan.faulty.version << " and "
            << count_text(plan.on_good) << " version " << plan.good.version << "\n";
}

void print_result_json(const char* result, const RollbackPlan& plan, const DeployResult& deployed) {
  nlohmann::json out = {{"schema", kJsonSchema},
                        {"result", result},
                        {"product", plan.good.product},
                        {"group", plan.good.group},
                        {"fromVersion", plan.faulty.version},
                        {"toVersion", plan.good.version},
                        {"version", plan.version},
                        {"mcuVersion", plan.mcu_version},
                        {"sha256", plan.good.sha256},
                        {"devices",
                         {{"targeted", plan.devices},
                          {"onFromVersion", plan.on_faulty},
                          {"onToVersion", plan.on_good}}},
                        {"configuration", nullptr},
                        {"url", nullptr},
                        {"tokenExpires", nullptr},
                        {"removed", deployed.removed},
                        {"warnings", deployed.warnings}};
  if (!deployed.configuration_id.empty()) {
    out["configuration"] = deployed.configuration_id;
    out["url"] = deployed.url;
  }
  if (deployed.token_expires != 0) {
    out["tokenExpires"] = contract::to_iso8601(deployed.token_expires);
  }
  print_json(out);
}

ExitCode print_unchanged(const Context& context, const RollbackPlan& plan) {
  const bool json = context.format == Format::Json;
  if (!plan.already_there) {
    json ? print_result_json("planned", plan, {})
         : print_plan(plan, "dry run, nothing was changed");
    return ExitCode::Ok;
  }
  if (json) {
    DeployResult there;
    there.configuration_id = plan.faulty.id;
    there.url = plan.faulty.url;
    there.token_expires = plan.faulty.token_expires;
    print_result_json("already_there", plan, there);
  } else {
    std::cout << printable(plan.faulty.id) << ": carries the image of version " << plan.good.version
              << " already, nothing to do; --to names an earlier one\n";
  }
  return ExitCode::Ok;
}

ExitCode run(const Context& context, Session& session, const Arguments& arguments) {
  const auto plan = rollout::plan_rollback(session.hub(), arguments.request);
  if (!plan) return report(context, problem_of(plan.error()));
  if (plan->already_there || arguments.dry_run) return print_unchanged(context, *plan);
  const auto blobs = session.blobs();
  if (!blobs) return report(context, blobs.error());
  if (const auto refused = confirm(arguments.confirmed, consequence(*plan))) {
    return report(context, *refused);
  }
  const auto result = [&] {
    ProgressBar progress(context);
    const rollout::Cloud cloud{.hub = session.hub(), .blobs = **blobs, .now = session.clock()};
    return rollout::roll_back(cloud, *plan, progress);
  }();
  if (!result) return report(context, problem_of(result.error()));
  print_warnings(result->warnings);
  const bool created = result->what == DeployResult::What::Created;
  if (context.format == Format::Json) {
    print_result_json(created ? "created" : "already_there", *plan, *result);
    return ExitCode::Ok;
  }
  print_plan(*plan, created ? "deployed" : "already there");
  std::cout << "  watch    mcu-ota status " << printable(result->configuration_id) << "\n";
  for (const std::string& id : result->removed) std::cout << "  removed  " << printable(id) << "\n";
  return ExitCode::Ok;
}

ExitCode check_and_run(const Context& context, Arguments arguments) {
  if (!arguments.to_version.empty()) {
    const auto version = read_number<std::uint32_t>(arguments.to_version).value_or(0);
    if (version == 0 || version > contract::kVersionMax) {
      return report(context, usage_problem("--to '" + arguments.to_version +
                                           "' must be a whole number from 1 to 2147483647"));
    }
    arguments.request.to_version = version;
  }
  return with_session(context, [&](Session& session) { return run(context, session, arguments); });
}

}  // namespace

void add_rollback(CLI::App& app, Context& context) {
  CLI::App* verb = app.add_subcommand(
      "rollback", "Bring the last good image back, under a new version of its own");
  const auto arguments = std::make_shared<Arguments>();
  rollout::RollbackRequest& request = arguments->request;
  verb->add_option("PRODUCT", request.product, "The devices' tag productType")->required();
  verb->add_option("GROUP", request.group, "The devices' tag deviceGroup")->required();
  verb->add_option("--to", arguments->to_version,
                   "The version whose image comes back (default: the newest earlier one that "
                   "devices run or ran)")
      ->type_name("VERSION");
  verb->add_option("--mcu-version", request.mcu_version,
                   "What the MCU reports when it runs that image (default: as it was deployed)")
      ->type_name("TEXT");
  add_yes(*verb, arguments->confirmed);
  verb->add_flag("--dry-run", arguments->dry_run, "Say what would be done and change nothing");
  verb->footer(
      "Versions only go up: the old image gets the next version, and every device of the group\n"
      "downloads it. The faulty version is aborted.\n"
      "Examples:\n"
      "  mcu-ota rollback pump lab --dry-run\n"
      "  mcu-ota rollback pump lab --yes\n"
      "  mcu-ota rollback pump lab --to 9 --mcu-version 1.4.2\n");
  verb->callback([&context, arguments] {
    context.run = [&context, arguments] { return check_and_run(context, *arguments); };
  });
}

}  // namespace ota::cli
