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

struct Arguments {
  std::vector<std::string> words;
  bool all = false;
  std::size_t limit = rollout::DeviceSelection{}.devices_max;
};

void print_text(const rollout::RolloutDetail& detail, const Arguments& arguments,
                contract::UnixSeconds now) {
  const rollout::DeployedRelease& release = detail.sight.release;
  const rollout::Tally& tally = detail.sight.tally;
  const auto line = [](const char* name, const std::string& value) {
    std::cout << name << or_dash(printable(value)) << "\n";
  };
  line("rollout    ", release.id);
  line("for        ", "product " + release.product + ", group " + release.group);
  line("version    ", std::to_string(release.version) + ", revision " +
                          std::to_string(release.revision) + ", the MCU reports " +
                          or_dash(release.mcu_version));
  line("state      ", state_text(release, detail.sight.superseded_by));
  line("image      ", or_dash(release.file_name) + ", " +
                          (release.size_bytes == 0 ? "-" : size_text(release.size_bytes)) +
                          ", sha256 " + or_dash(release.sha256));
  line("blob       ", release.url);
  const bool ended = release.token_expires != 0 && release.token_expires <= now;
  line("token      ", release.token_expires == 0
                          ? ""
                          : (ended ? "ended at " : "until ") +
                                contract::to_iso8601(release.token_expires) +
                                (ended ? "; `mcu-ota renew` gives the rollout a new one" : ""));
  line("created    ", release.created + " (" + age_text(release.created, now) + " ago)");
  line("devices    ", tally_text(tally));
  if (!tally.failures.empty()) line("failed     ", failures_text(tally.failures));
  if (detail.list.devices.empty()) return;
  std::cout << "\n" << device_table(detail.list.devices, now);
  if (detail.list.more) {
    std::cout << "... and more; --limit N shows more of them"
              << (arguments.all ? "" : ", --all those that run it too") << "\n";
  }
}

ExitCode run(const Context& context, Session& session, const Arguments& arguments) {
  const auto name = read_rollout(arguments.words);
  if (!name) return report(context, name.error());
  const rollout::DeviceSelection selection{
      .which = arguments.all ? rollout::Which::All : rollout::Which::Unfinished,
      .devices_max = arguments.limit};
  const auto detail = rollout::show_rollout(session.hub(), *name, selection);
  if (!detail) return report(context, problem_of(detail.error()));
  if (context.format != Format::Json) {
    print_text(*detail, arguments, session.clock()());
    return ExitCode::Ok;
  }
  print_json(detail_json(*detail));
  return ExitCode::Ok;
}

}  // namespace

void add_show(CLI::App& app, Context& context) {
  CLI::App* verb = app.add_subcommand(
      "show", "Everything about one rollout, with the devices that do not run it yet and why");
  const auto arguments = std::make_shared<Arguments>();
  add_rollout(*verb, arguments->words)->required();
  verb->add_flag("--all", arguments->all, "List every targeted device, not only unfinished ones");
  verb->add_option("--limit", arguments->limit, "List so many devices at most")
      ->check(CLI::Range(std::size_t{1}, rest::kQueryRowsMax))
      ->capture_default_str()
      ->type_name("N");
  verb->footer(
      "Failed devices come first. A hundred devices cost one query; IoT Hub allows 20 a minute "
      "and\n"
      "unit, so ask for large lists only when you need them.\n"
      "Examples:\n"
      "  mcu-ota show pump lab\n"
      "  mcu-ota show pump lab 12 --all --limit 1000\n"
      "  mcu-ota show ota-pump-lab-v12-r1-1a2b3c4d --json | jq .failures\n");
  verb->callback([&context, arguments] {
    context.run = [&context, arguments] {
      return with_session(context,
                          [&](Session& session) { return run(context, session, *arguments); });
    };
  });
}

}  // namespace ota::cli
