#include <CLI/CLI.hpp>
#include <csignal>
#include <exception>
#include <iostream>
#include <vector>

#include "cli/output.hpp"
#include "cli/verbs.hpp"

namespace {

using namespace ota::cli;

/// What was understood of the command line: "mcu-ota device create".
std::string command_of(const CLI::App& app) {
  const auto verbs = app.get_subcommands();
  return app.get_name() + (verbs.empty() ? "" : " " + command_of(*verbs.front()));
}

/// Verbs in the order in which an operator meets them.
struct VerbGroup {
  const char* name;
  std::vector<void (*)(CLI::App&, Context&)> verbs;
};

void add_verbs(CLI::App& app, Context& context) {
  const VerbGroup groups[] = {
      {"Deploy and follow", {add_deploy, add_list, add_status, add_show, add_watch, add_explain}},
      {"Change a rollout", {add_control, add_revise, add_rollback}},
      {"Devices and who they are", {add_device, add_enrollment}},
      {"Local hub and simulation", {add_hub, add_sim}},
      {"Other", {add_doctor, add_version}},
  };
  const auto all = [](const CLI::App*) { return true; };
  for (const VerbGroup& group : groups) {
    const std::size_t before = app.get_subcommands(all).size();
    for (const auto add : group.verbs) add(app, context);
    const auto verbs = app.get_subcommands(all);
    for (std::size_t i = before; i < verbs.size(); ++i) verbs[i]->group(group.name);
  }
  app.footer(
      "`mcu-ota VERB --help` shows its options, with examples. Begin with\n"
      "  mcu-ota hub                                # a hub on this machine\n"
      "  mcu-ota doctor                             # is everything there?\n"
      "  mcu-ota deploy FILE VERSION PRODUCT GROUP\n");
}

/// Help goes to standard output with code 0; everything else that CLI11 refuses is a usage error.
ExitCode explain(const CLI::App& app, const CLI::ParseError& error, const Context& context) {
  if (error.get_exit_code() == 0) {
    app.exit(error);
    return ExitCode::Ok;
  }
  const auto unknown = app.remaining(true);
  const std::string what = unknown.empty() ? error.what() : "unexpected '" + unknown.front() + "'";
  return report(context, {.exit_code = ExitCode::Usage,
                          .code = "usage",
                          .message = what + "; see " + command_of(app) + " --help"});
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a peer that goes away is an error to report, not our end
  Context context;
  CLI::App app("Firmware updates for the MCU behind a connected device", "mcu-ota");
  ExitCode code = ExitCode::Ok;
  try {
    app.require_subcommand(1);
    add_shared_options(app, context);
    add_verbs(app, context);
    if (argc == 1) {
      std::cout << app.help();
    } else {
      app.parse(argc, argv);
      code = context.run();
    }
  } catch (const CLI::ParseError& error) {
    code = explain(app, error, context);
  } catch (const std::exception& error) {
    std::cerr << "mcu-ota: unexpected: " << error.what() << "\n";
    code = ExitCode::Failed;
  }
  return static_cast<int>(finish_output(code));
}
