#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/encoding.hpp"
#include "cli/json_output.hpp"
#include "cli/key_file.hpp"
#include "cli/output.hpp"
#include "cli/session.hpp"
#include "cli/verbs.hpp"
#include "cloud/rollout/ids.hpp"

namespace ota::cli {
namespace {

struct Arguments {
  std::string group_key_file;
  std::string id;
  std::string key_file;
};

/// Everything happens on this machine: the group's key goes nowhere.
ExitCode run(const Context& context, const Arguments& arguments) {
  constexpr std::size_t kKeyBytesMin = 16;
  if (const auto good = rollout::check_enrollment_id(arguments.id); !good) {
    return report(context, problem_of(good.error()));
  }
  if (const auto problem = check_key_file(arguments.key_file)) return report(context, *problem);
  const auto text = read_key_file(arguments.group_key_file);
  if (!text) return report(context, text.error());
  const auto key = from_base64(*text);
  if (!key || key->size() < kKeyBytesMin) {
    return report(context, usage_problem(arguments.group_key_file +
                                         " holds no key of an enrollment group (base64, at least "
                                         "16 bytes); write it with `mcu-ota enrollment show group "
                                         "ID --key-file FILE`"));
  }
  const std::string derived = contract::derive_device_key(*key, arguments.id);
  if (const auto problem = write_key_file(arguments.key_file, derived)) {
    return report(context, *problem);
  }
  if (context.format == Format::Json) {
    print_json(
        {{"schema", kJsonSchema}, {"registration", arguments.id}, {"keyFile", arguments.key_file}});
  } else {
    std::cout << "the key of " << printable(arguments.id) << " is in "
              << printable(arguments.key_file) << "\n";
  }
  return ExitCode::Ok;
}

}  // namespace

void add_enrollment_key(CLI::App& enrollment, Context& context) {
  CLI::App* verb = enrollment.add_subcommand(
      "device-key", "Derive one device's key from its group's, on this machine");
  const auto arguments = std::make_shared<Arguments>();
  verb->add_option("GROUP_KEY_FILE", arguments->group_key_file,
                   "File with the group's key, as `enrollment create` wrote it")
      ->required();
  verb->add_option("ID", arguments->id, "Registration id of the device, as it will say it itself")
      ->required();
  verb->add_option("--key-file", arguments->key_file, "New file (mode 0600) for the device's key")
      ->required()
      ->type_name("FILE");
  verb->footer(
      "The device gets its own key only (dps.key_file of the agent); the group's key, which opens\n"
      "the door for every device, stays here.\n"
      "Example:\n"
      "  mcu-ota enrollment device-key plant.key pump-017 --key-file pump-017.key\n");
  verb->callback([&context, arguments] {
    context.run = [&context, arguments] { return run(context, *arguments); };
  });
}

}  // namespace ota::cli
