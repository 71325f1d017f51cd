// mcu-ota-agent: the program on the device. Reads the command line, builds the parts, runs them.

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "cli/agent/open_flash.hpp"
#include "cloud/profile/profile.hpp"
#include "device/host/agent/agent.hpp"
#include "device/host/agent/config.hpp"
#include "device/host/agent/flash_commands.hpp"
#include "device/host/agent/telemetry.hpp"

namespace ota::cli {
namespace {

using agent::ExitCode;

struct Arguments {
  std::string config = "/etc/mcu-ota/agent.toml";
  std::string profile;
  agent::ConfigOverrides overrides;
  agent::RunOptions run;
  agent::ImportRequest import;
  std::string slot;
  std::string out_file;
  bool yes = false;
};

/// The command line; what is chosen is seen in which subcommand was parsed.
struct CommandLine {
  CLI::App app{"Brings firmware to the MCU beside this device", "mcu-ota-agent"};
  Arguments arguments;
  CLI::App* run = app.add_subcommand("run", "connect and update (the default)");
  CLI::App* flash = app.add_subcommand("flash", "look at the flash chip, test or format it");
  CLI::App* flash_info = flash->add_subcommand("info", "what the chip says and what is on it");
  CLI::App* flash_read = flash->add_subcommand("read", "write a stored image to FILE");
  CLI::App* flash_test = flash->add_subcommand("test", "check wiring and cells");
  CLI::App* flash_format = flash->add_subcommand("format", "erase all images (needs --yes)");
  CLI::App* import = app.add_subcommand("import", "tell the agent what the MCU runs now");
  CLI::App* version = app.add_subcommand("version", "print the version");

  CommandLine() {
    app.require_subcommand(0, 1);
    flash->require_subcommand(1);
    for (CLI::App* command :
         {run, flash, flash_info, flash_read, flash_test, flash_format, import, version}) {
      command->fallthrough();  // --config and its kind may stand behind the subcommand
    }
    app.add_option("-c,--config", arguments.config, "configuration file")->capture_default_str();
    app.add_option("--profile", arguments.profile,
                   "the operator's profile: it names DPS, id scope, group key and certificates "
                   "where the configuration does not");
    app.add_option("--log-level", arguments.overrides.log_level,
                   "trace, debug, info, warn, error or off");
    app.add_option("--cert", arguments.overrides.cert_file, "certificate of the device (PEM)");
    app.add_option("--key", arguments.overrides.key_file, "its private key (PEM, mode 0600)");
    app.add_option("--ca", arguments.overrides.ca_file, "certificates to trust (PEM)");
    app.add_option("--events", arguments.run.events,
                   "write events as JSON lines to a file, or to - (standard output)");
    app.add_option("--event-bytes", arguments.run.event_bytes,
                   "a progress event each so many bytes (default: each 5 %)");
    for (CLI::App* command : {flash_test, flash_format, import}) {
      command->add_flag("-y,--yes", arguments.yes, "do it without asking");
    }
    flash_read->add_option("SLOT", arguments.slot, "current or candidate")
        ->required()
        ->check(CLI::IsMember({"current", "candidate"}));
    flash_read->add_option("FILE", arguments.out_file, "where to write it")->required();
    import->add_option("FILE", arguments.import.file, "the image that the MCU runs")->required();
    import->add_option("VERSION", arguments.import.version, "its version, 1 .. 2147483647")
        ->required();
    import->add_option("--mcu-version", arguments.import.mcu_version,
                       "what the MCU reports for it (default: VERSION)");
    add_examples();
  }

 private:
  void add_examples() {
    app.footer(
        "The configuration names hub, login, flash and MCU; mcu-ota-agent.example.toml shows every "
        "key.\n"
        "Examples:\n"
        "  mcu-ota-agent -c agent.toml\n"
        "  mcu-ota-agent -c bench.toml --profile ~/.config/mcu-ota/profile.toml\n"
        "  mcu-ota-agent flash info -c agent.toml\n"
        "  mcu-ota-agent import factory.bin 1 -c agent.toml --yes\n");
    flash_read->footer("Example:\n  mcu-ota-agent flash read current image.bin -c agent.toml\n");
    flash_test->footer(
        "Without a file system on the chip, writing is tested on its last 64 KiB (needs --yes).\n");
    import->footer(
        "Stores the MCU's present image on the flash, so that already the first update can be\n"
        "rolled back. The MCU itself is not touched. Not while the agent runs.\n"
        "Example:\n"
        "  mcu-ota-agent import factory.bin 1 --mcu-version 1.0.3 -c agent.toml --yes\n");
  }
};

void start_log(const std::string& level) {
  spdlog::set_default_logger(spdlog::stderr_color_mt("agent"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
  spdlog::set_level(spdlog::level::from_str(level));
}

Result<agent::HubProfile, std::string> read_profile(const std::string& path) {
  OTA_TRY(auto profile, profile::read(path));
  return agent::HubProfile{.dps_host = std::move(profile.dps_host),
                           .id_scope = std::move(profile.id_scope),
                           .group_key = std::move(profile.enrollment_group_key),
                           .ca_file = std::move(profile.ca_file)};
}

ExitCode execute(const CommandLine& line) {
  if (line.version->parsed()) {
    std::printf("mcu-ota-agent %s\n", agent::agent_version());
    return ExitCode::Ok;
  }
  const Arguments& arguments = line.arguments;
  agent::ConfigOverrides overrides = arguments.overrides;
  overrides.connects = !line.flash->parsed() && !line.import->parsed();
  if (!arguments.profile.empty()) {
    auto hub = read_profile(arguments.profile);
    if (!hub) {
      std::fprintf(stderr, "%s\n", hub.error().c_str());
      return ExitCode::Usage;
    }
    overrides.profile = std::move(*hub);
  }
  const auto config = agent::load_config(arguments.config, overrides);
  if (!config) {
    std::fprintf(stderr, "%s\n", config.error().c_str());
    return ExitCode::Usage;
  }
  start_log(config->log_level);
  if (line.flash_info->parsed()) return agent::flash_info(*config, &open_flash);
  if (line.flash_read->parsed()) {
    return agent::flash_read(*config, &open_flash, arguments.slot, arguments.out_file);
  }
  if (line.flash_test->parsed()) return agent::flash_test(*config, &open_flash, arguments.yes);
  if (line.flash_format->parsed()) return agent::flash_format(*config, &open_flash, arguments.yes);
  if (line.import->parsed()) {
    return agent::import_image(*config, &open_flash, arguments.import, arguments.yes);
  }
  return agent::run_agent(*config, &open_flash, arguments.run);
}

}  // namespace
}  // namespace ota::cli

int main(int argc, char** argv) {
  ota::cli::CommandLine line;
  try {
    line.app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = line.app.exit(error);
    return code == 0 ? 0 : static_cast<int>(ota::agent::ExitCode::Usage);
  }
  return static_cast<int>(ota::cli::execute(line));
}
