#include <CLI/CLI.hpp>
#include <csignal>
#include <exception>
#include <iostream>

#include "cli/output.hpp"
#include "cli/verbs.hpp"

namespace {

using namespace ota::cli;

/// What was understood of the command line: "mcu-ota device create".
std::string command_of(const CLI::App& app) {
  const auto verbs = app.get_subcommands();
  return app.get_name() + (verbs.empty() ? "" : " " + command_of(*verbs.front()));
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
  try {
    app.require_subcommand(1);
    add_shared_options(app, context);
    add_deploy(app, context);
    add_status(app, context);
    add_device(app, context);
    add_enrollment(app, context);
    add_hub(app, context);
    add_sim(app, context);
    add_version(app, context);
    app.parse(argc, argv);
    return static_cast<int>(context.run());
  } catch (const CLI::ParseError& error) {
    return static_cast<int>(explain(app, error, context));
  } catch (const std::exception& error) {
    std::cerr << "mcu-ota: unexpected: " << error.what() << "\n";
    return static_cast<int>(ExitCode::Failed);
  }
}
