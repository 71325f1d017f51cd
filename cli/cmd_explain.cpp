#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/json_output.hpp"
#include "cli/session.hpp"
#include "cli/verbs.hpp"
#include "cloud/rollout/explain.hpp"

namespace ota::cli {
namespace {

ExitCode run(const Context& context, Session& session, const std::string& id) {
  const auto explained = rollout::explain_device(session.hub(), id, session.clock()());
  if (!explained) return report(context, problem_of(explained.error()));
  const rollout::Explanation& told = explained->explanation;
  if (context.format != Format::Json) {
    std::cout << printable(told.sentence) << "\n" << printable(told.next) << "\n";
    return ExitCode::Ok;
  }
  nlohmann::json document = {{"schema", kJsonSchema}, {"device", explained->device.id},
                             {"state", told.state},   {"explanation", told.sentence},
                             {"next", told.next},     {"configuration", nullptr}};
  if (!told.rollout.empty()) document["configuration"] = told.rollout;
  print_json(document);
  return ExitCode::Ok;
}

}  // namespace

void add_explain(CLI::App& app, Context& context) {
  CLI::App* verb = app.add_subcommand(
      "explain", "Why a device is where it is, and what happens next, in two sentences");
  const auto id = std::make_shared<std::string>();
  verb->add_option("DEVICE", *id, "The device's id")->required();
  verb->footer(
      "Examples:\n"
      "  mcu-ota explain pump-017\n"
      "  mcu-ota explain pump-017 --json | jq -r .state\n");
  verb->callback([&context, id] {
    context.run = [&context, id] {
      return with_session(context, [&](Session& session) { return run(context, session, *id); });
    };
  });
}

}  // namespace ota::cli
