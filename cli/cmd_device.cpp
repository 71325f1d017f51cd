#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/confirm.hpp"
#include "cli/device_view.hpp"
#include "cli/json_output.hpp"
#include "cli/key_file.hpp"
#include "cli/session.hpp"
#include "cli/verbs.hpp"
#include "cloud/rollout/fleet.hpp"
#include "contract/limits.hpp"

namespace ota::cli {
namespace {

using Json = nlohmann::json;

struct Arguments {
  std::string id;
  rollout::DeviceFilter tags;
  rollout::ReportFilter report;
  bool failed = false;
  std::string key_file;
  bool confirmed = false;
};

using Action = ExitCode (*)(const Context&, Session&, const Arguments&);

void print_device(const Context& context, const Session& session,
                  const rollout::DeviceState& device) {
  if (context.format == Format::Json) {
    Json document = device_json(device);
    document["schema"] = kJsonSchema;
    print_json(document);
  } else {
    std::cout << device_text(device, session.clock()());
  }
}

ExitCode list(const Context& context, Session& session, const Arguments& arguments) {
  rollout::ReportFilter reported = arguments.report;
  if (arguments.failed) reported.status = contract::to_text(contract::StatusWord::Error);
  const auto devices = rollout::list_devices(session.hub(), arguments.tags, reported);
  if (!devices) return report(context, problem_of(devices.error()));
  if (context.format == Format::Json) {
    Json rows = Json::array();
    for (const auto& device : *devices) rows.push_back(device_json(device));
    print_json({{"schema", kJsonSchema}, {"devices", std::move(rows)}});
  } else {
    std::cout << device_table(*devices, session.clock()());
  }
  return ExitCode::Ok;
}

/// What the device names as hub.connection_string_file: a secret, so it goes to a file only.
std::optional<Problem> save_key(const Session& session, const rest::DeviceIdentity& identity,
                                const std::string& path) {
  if (identity.primary_key.empty()) {
    return usage_problem("device '" + identity.id +
                         "' has no key of its own: it shows a certificate; leave --key-file out");
  }
  return write_key_file(path, "HostName=" + session.device_host() + ";DeviceId=" + identity.id +
                                  ";SharedAccessKey=" + identity.primary_key);
}

ExitCode show(const Context& context, Session& session, const Arguments& arguments) {
  if (!arguments.key_file.empty()) {
    if (const auto problem = check_key_file(arguments.key_file)) return report(context, *problem);
  }
  const auto device = rollout::show_device(session.hub(), arguments.id);
  if (!device) return report(context, problem_of(device.error()));
  if (!arguments.key_file.empty()) {
    const auto identity = rollout::outcome_of(session.hub().get_device(arguments.id));
    if (!identity) return report(context, problem_of(identity.error()));
    if (const auto problem = save_key(session, *identity, arguments.key_file)) {
      return report(context, *problem);
    }
  }
  print_device(context, session, *device);
  return ExitCode::Ok;
}

ExitCode tag(const Context& context, Session& session, const Arguments& arguments) {
  if (arguments.tags.product.empty() && arguments.tags.group.empty()) {
    return report(context, usage_problem("nothing to change; give --product, --group or both"));
  }
  const auto device = rollout::tag_device(session.hub(), arguments.id, arguments.tags);
  if (!device) return report(context, problem_of(device.error()));
  print_device(context, session, *device);
  return ExitCode::Ok;
}

ExitCode create(const Context& context, Session& session, const Arguments& arguments) {
  if (const auto problem = check_key_file(arguments.key_file)) return report(context, *problem);
  const auto identity = rollout::create_device(session.hub(), arguments.id, arguments.tags);
  if (!identity) return report(context, problem_of(identity.error()));
  if (const auto problem = save_key(session, *identity, arguments.key_file)) {
    return report(context, *problem);
  }
  if (context.format == Format::Json) {
    print_json({{"schema", kJsonSchema},
                {"device", identity->id},
                {"connectionStringFile", arguments.key_file}});
  } else {
    std::cout << "created device " << identity->id << "; its connection string is in "
              << printable(arguments.key_file) << "\n";
  }
  return ExitCode::Ok;
}

ExitCode remove(const Context& context, Session& session, const Arguments& arguments) {
  const auto refused =
      confirm(arguments.confirmed, "deleting device '" + arguments.id +
                                       "' removes its identity, twin and keys for good");
  if (refused) return report(context, *refused);
  const auto removed = rollout::delete_device(session.hub(), arguments.id);
  if (!removed) return report(context, problem_of(removed.error()));
  if (context.format == Format::Json) {
    print_json({{"schema", kJsonSchema}, {"device", arguments.id}, {"result", "deleted"}});
  } else {
    std::cout << "deleted device " << arguments.id << "\n";
  }
  return ExitCode::Ok;
}

void add_tags(CLI::App& verb, Arguments& arguments, const char* what) {
  verb.add_option("--product", arguments.tags.product, std::string(what) + " tag productType");
  verb.add_option("--group", arguments.tags.group, std::string(what) + " tag deviceGroup");
}

void add_list_options(CLI::App& lists, Arguments& arguments) {
  add_tags(lists, arguments, "Only devices with this");
  CLI::Option* status =
      lists.add_option("--status", arguments.report.status, "Only devices that report this")
          ->check(CLI::IsMember({"downloading", "interrupted", "applying", "applied", "error"}));
  lists.add_flag("--failed", arguments.failed, "The same as --status error")->excludes(status);
  const CLI::Range versions(0U, contract::kVersionMax);
  CLI::Option* version =
      lists.add_option("--version", arguments.report.version, "Only devices whose MCU runs this")
          ->check(versions)
          ->type_name("N");
  lists
      .add_option("--not-version", arguments.report.other_version,
                  "Only devices whose MCU runs another one, or that never said which")
      ->check(versions)
      ->type_name("N")
      ->excludes(version);
  lists.footer(
      "The hub does the looking: it sends the devices asked for, a hundred with each of the 20\n"
      "queries a minute that the smaller editions allow.\n"
      "Examples:\n"
      "  mcu-ota device list\n"
      "  mcu-ota device list --product pump --group lab --not-version 12\n"
      "  mcu-ota device list --failed --json | jq -r '.devices[].device'\n");
}

}  // namespace

void add_device(CLI::App& app, Context& context) {
  CLI::App* verb =
      app.add_subcommand("device", "List, show, create, tag and delete devices, and talk to them");
  verb->require_subcommand(1);
  const auto arguments = std::make_shared<Arguments>();
  const auto add = [&](const char* name, const char* description, Action action) {
    CLI::App* sub = verb->add_subcommand(name, description);
    sub->callback([&context, arguments, action] {
      context.run = [&context, arguments, action] {
        return with_session(context,
                            [&](Session& session) { return action(context, session, *arguments); });
      };
    });
    return sub;
  };
  const auto add_id = [&](CLI::App* sub) {
    sub->add_option("ID", arguments->id, "The device")->required();
  };

  CLI::App* lists = add("list", "Devices with what they run and do", &list);
  add_list_options(*lists, *arguments);

  CLI::App* shows = add("show", "All that is known of one device", &show);
  add_id(shows);
  shows
      ->add_option("--key-file", arguments->key_file,
                   "New file (mode 0600) for the device's connection string")
      ->type_name("FILE");
  shows->footer(
      "Examples:\n"
      "  mcu-ota device show pump-017\n"
      "  mcu-ota device show pump-017 --key-file pump-017.key\n");

  CLI::App* creates = add("create", "Create a device with a key of its own", &create);
  add_id(creates);
  add_tags(*creates, *arguments, "The device's");
  creates
      ->add_option("--key-file", arguments->key_file,
                   "New file (mode 0600) for the connection string")
      ->required()
      ->type_name("FILE");
  creates->footer(
      "The key file is what the agent names as hub.connection_string_file.\n"
      "Example:\n"
      "  mcu-ota device create pump-017 --product pump --group lab --key-file pump-017.key\n");

  CLI::App* tags = add("tag", "Move a device to another product or group", &tag);
  add_id(tags);
  add_tags(*tags, *arguments, "The new");
  tags->footer("Example:\n  mcu-ota device tag pump-017 --group canary\n");

  CLI::App* removes = add("delete", "Delete a device, its twin and its keys", &remove);
  add_id(removes);
  add_yes(*removes, arguments->confirmed);
  removes->footer("Example:\n  mcu-ota device delete pump-017 --yes\n");

  add_device_talk(*verb, context);
}

}  // namespace ota::cli
