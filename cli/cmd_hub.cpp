#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli/output.hpp"
#include "cli/verbs.hpp"
#include "cloud/hub/core/core.hpp"
#include "cloud/hub/net/server.hpp"
#include "cloud/profile/profile.hpp"

namespace ota::cli {
namespace {

struct HubOptions {
  hub::ServerOptions server;
  std::string log_level = "info";
  std::string limits = "none";
};

/// $XDG_STATE_HOME/mcu-ota/hub, else ~/.local/state/mcu-ota/hub, else here.
std::string default_state_directory() {
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state == '/') {
    return std::string(state) + "/mcu-ota/hub";
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    return std::string(home) + "/.local/state/mcu-ota/hub";
  }
  return "mcu-ota-hub";
}

std::string absolute(const std::string& path) {
  std::error_code unknown_folder;
  const auto full = std::filesystem::absolute(path, unknown_folder);
  return unknown_folder ? path : full.lexically_normal().string();
}

void log_to_stderr(const std::string& level) {
  auto logger = spdlog::stderr_color_mt("hub");
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v");
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

std::string http_line(const hub::HubServer::Facts& facts) {
  if (!facts.http_port) return {};
  return "HTTP      " + facts.http_listen_address + " port " + std::to_string(*facts.http_port) +
         "  (blobs, health and metrics, without TLS)\n";
}

/// Paths and addresses only: keys stay in the profile.
void announce(const Context& context, const hub::HubServer::Facts& facts) {
  if (context.format == Format::Json) {
    nlohmann::json document = {{"schema", kJsonSchema},         {"device_host", facts.device_host},
                               {"hub_host", facts.hub_host},    {"listen", facts.listen_address},
                               {"mqtt_port", facts.mqtt_port},  {"https_port", facts.https_port},
                               {"profile", facts.profile_file}, {"ca", facts.ca_file},
                               {"id_scope", facts.id_scope}};
    if (facts.http_port) {
      document["http_port"] = *facts.http_port;
      document["http_listen"] = facts.http_listen_address;
    }
    std::cout << document.dump() << std::endl;
    return;
  }
  std::cout << "MQTT      " << facts.listen_address << " port " << facts.mqtt_port
            << "  (devices: " << facts.device_host << ")\n"
            << "HTTPS     " << facts.listen_address << " port " << facts.https_port
            << "  (operators, blobs: " << facts.hub_host << ")\n"
            << http_line(facts) << "id scope  " << facts.id_scope << "  (devices give it to DPS)\n"
            << "profile   " << facts.profile_file << "\n"
            << "CA        " << facts.ca_file << "\n"
            << "ready; stop with Ctrl-C" << std::endl;
}

/// A profile of Azure is not the local hub's to replace: its keys stand nowhere else.
std::optional<Problem> check_profile(const std::string& path) {
  const auto there = profile::read(path);
  if (!there || there->kind != profile::Kind::Azure) return std::nullopt;
  return Problem{.exit_code = ExitCode::Conflict,
                 .code = "profile_of_azure",
                 .message = "the profile " + path +
                            " is that of a hub in Azure, and the local hub would replace it; name "
                            "another with --profile, for the other commands too, or remove it",
                 .retry_after_s = {}};
}

ExitCode run_hub(const Context& context, HubOptions options) {
  ::umask(0077);  // Databases hold keys, and SQLite makes its files as the mask allows.
  log_to_stderr(options.log_level);
  // The profile names files of the state folder and is read from anywhere.
  options.server.state_directory = absolute(options.server.state_directory);
  options.server.profile_file =
      absolute(context.profile_path.empty() ? profile::default_path() : context.profile_path);
  if (const auto problem = check_profile(options.server.profile_file)) {
    return report(context, *problem);
  }
  options.server.tier = hub::tier_of(options.limits).value_or(hub::Tier::None);
  options.server.open_core = hub::Core::open;
  auto server = hub::HubServer::start(options.server);
  if (!server) {
    return report(context, {.exit_code = ExitCode::Failed,
                            .code = "hub_not_started",
                            .message = server.error(),
                            .retry_after_s = {}});
  }
  server.value()->stop_on_signals();
  announce(context, server.value()->facts());
  server.value()->run();
  return ExitCode::Ok;
}

}  // namespace

void add_hub(CLI::App& app, Context& context) {
  auto options = std::make_shared<HubOptions>();
  options->server.state_directory = default_state_directory();
  CLI::App* verb =
      app.add_subcommand("hub", "Run a local IoT Hub, DPS and Blob Storage on this machine");
  hub::ServerOptions& server = options->server;
  verb->add_option("--state", server.state_directory, "Where the hub keeps keys, twins and blobs")
      ->type_name("DIR")
      ->capture_default_str();
  verb->add_option("--listen", server.listen_address,
                   "Address to listen on; 0.0.0.0 for devices on the network")
      ->type_name("ADDR")
      ->capture_default_str();
  verb->add_option("--mqtt-port", server.mqtt_port,
                   "Port for devices (MQTT with TLS); 0: any free one")
      ->capture_default_str();
  verb->add_option("--https-port", server.https_port,
                   "Port for operators and blobs (HTTPS); 0: any free one")
      ->capture_default_str();
  verb->add_option(
      "--http-port", server.http_port,
      "Port for blobs, /healthz and /metrics without TLS, on this machine only; 0: any "
      "free one; without this option there is none");
  verb->add_option("--http-listen", server.http_listen_address,
                   "Address for --http-port, when blobs may cross the network in the clear")
      ->type_name("ADDR")
      ->needs("--http-port");
  verb->add_option("--host", server.host_names,
                   "Name or address by which clients reach this machine; may be repeated, the "
                   "first one is handed out")
      ->type_name("NAME");
  verb->add_option("--device-ca", server.device_ca_file,
                   "Certificate authorities (PEM) whose device certificates are trusted")
      ->type_name("FILE")
      ->check(CLI::ExistingFile);
  verb->add_option("--limits", options->limits,
                   "Throttle and count like this edition of IoT Hub with one unit")
      ->check(CLI::IsMember({"none", "f1", "s1", "s2", "s3"}))
      ->capture_default_str();
  verb->add_option(
          "--evaluate-every", server.evaluate_every_s,
          "Seconds between evaluations of configurations and metrics, 300 as in the cloud; "
          "0: at once")
      ->check(CLI::Range(0, 86400))
      ->capture_default_str();
  verb->add_option("--log-level", options->log_level, "What goes to standard error")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}))
      ->capture_default_str();
  verb->footer(
      "Examples:\n"
      "  mcu-ota hub                                     # for devices on this machine\n"
      "  mcu-ota hub --listen 0.0.0.0 --host 10.0.0.5    # for devices on the network\n"
      "A device needs the printed address and id scope, the CA file, and a key:\n"
      "  mcu-ota enrollment create group plant --product pump --group lab --key-file plant.key\n");
  add_hub_events(*verb, context);
  verb->callback([options, verb, &context] {
    if (!verb->get_subcommands().empty()) return;
    context.run = [options, &context] { return run_hub(context, *options); };
  });
}

}  // namespace ota::cli
