#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/confirm.hpp"
#include "cli/json_output.hpp"
#include "cli/key_file.hpp"
#include "cli/session.hpp"
#include "cli/text_of.hpp"
#include "cli/verbs.hpp"
#include "cloud/rollout/enrollment.hpp"

namespace ota::cli {
namespace {

using Json = nlohmann::json;
using rest::Enrollment;
using rest::EnrollmentKind;

struct Arguments {
  std::string kind = "group";
  std::string id;
  rollout::DeviceFilter tags;
  std::string ca_reference;
  std::string key_file;
  bool confirmed = false;

  EnrollmentKind enrollment_kind() const {
    return kind == "group" ? EnrollmentKind::Group : EnrollmentKind::Individual;
  }
};

using Action = ExitCode (*)(const Context&, rest::DpsClient&, const Arguments&);

const char* word_of(EnrollmentKind kind) {
  return kind == EnrollmentKind::Group ? "group" : "individual";
}

Json to_json(const Enrollment& enrollment) {
  return {{"kind", word_of(enrollment.kind)},
          {"id", enrollment.id},
          {"attestation", enrollment.attestation},
          {"status", enrollment.status},
          {"tags", Json(enrollment.tags)}};
}

std::string tag_of(const Enrollment& enrollment, const char* name) {
  const auto it = enrollment.tags.find(name);
  return it == enrollment.tags.end() ? "-" : or_dash(printable(it->second));
}

std::string table_of(const std::vector<Enrollment>& enrollments) {
  Table table({"KIND", "ID", "PRODUCT", "GROUP", "ATTESTATION", "STATUS"});
  for (const Enrollment& enrollment : enrollments) {
    table.add({word_of(enrollment.kind), printable(enrollment.id),
               tag_of(enrollment, rollout::tag::kProduct), tag_of(enrollment, rollout::tag::kGroup),
               or_dash(printable(enrollment.attestation)), or_dash(printable(enrollment.status))});
  }
  return table.text();
}

ExitCode list(const Context& context, rest::DpsClient& dps, const Arguments&) {
  const auto enrollments = rollout::list_enrollments(dps);
  if (!enrollments) return report(context, problem_of(enrollments.error()));
  if (context.format == Format::Json) {
    Json rows = Json::array();
    for (const Enrollment& enrollment : *enrollments) rows.push_back(to_json(enrollment));
    print_json({{"schema", kJsonSchema}, {"enrollments", std::move(rows)}});
  } else {
    std::cout << table_of(*enrollments);
  }
  return ExitCode::Ok;
}

/// The key goes to a file only: a terminal keeps what it shows.
ExitCode save_key(const Context& context, rest::DpsClient& dps, const Arguments& arguments) {
  const auto keys = rollout::outcome_of(dps.keys(arguments.enrollment_kind(), arguments.id));
  if (!keys) return report(context, problem_of(keys.error()));
  if (const auto problem = write_key_file(arguments.key_file, keys->primary)) {
    return report(context, *problem);
  }
  return ExitCode::Ok;
}

ExitCode show(const Context& context, rest::DpsClient& dps, const Arguments& arguments) {
  const auto enrollment = rollout::outcome_of(dps.get(arguments.enrollment_kind(), arguments.id));
  if (!enrollment) return report(context, problem_of(enrollment.error()));
  if (!arguments.key_file.empty()) {
    if (const ExitCode code = save_key(context, dps, arguments); code != ExitCode::Ok) return code;
  }
  if (context.format == Format::Json) {
    Json document = to_json(*enrollment);
    document["schema"] = kJsonSchema;
    print_json(document);
  } else {
    std::cout << table_of({*enrollment});
  }
  return ExitCode::Ok;
}

ExitCode create(const Context& context, rest::DpsClient& dps, const Arguments& arguments) {
  if (!arguments.key_file.empty()) {
    if (const auto problem = check_key_file(arguments.key_file)) return report(context, *problem);
  }
  const auto created = rollout::create_enrollment(dps,
                                                  {.kind = arguments.enrollment_kind(),
                                                   .id = arguments.id,
                                                   .ca_reference = arguments.ca_reference},
                                                  arguments.tags);
  if (!created) return report(context, problem_of(created.error()));
  return show(context, dps, arguments);
}

ExitCode remove(const Context& context, rest::DpsClient& dps, const Arguments& arguments) {
  const auto refused = confirm(arguments.confirmed, "without enrollment '" + arguments.id +
                                                        "' its devices cannot provision again");
  if (refused) return report(context, *refused);
  const auto removed = rollout::outcome_of(dps.remove(arguments.enrollment_kind(), arguments.id));
  if (!removed) return report(context, problem_of(removed.error()));
  if (context.format == Format::Json) {
    print_json({{"schema", kJsonSchema}, {"id", arguments.id}, {"result", "deleted"}});
  } else {
    std::cout << "deleted " << arguments.kind << " enrollment " << printable(arguments.id) << "\n";
  }
  return ExitCode::Ok;
}

}  // namespace

void add_enrollment(CLI::App& app, Context& context) {
  CLI::App* verb =
      app.add_subcommand("enrollment", "Who may provision itself through DPS, and with which tags");
  verb->require_subcommand(1);
  const auto arguments = std::make_shared<Arguments>();
  const auto add = [&](const char* name, const char* description, Action action) {
    CLI::App* sub = verb->add_subcommand(name, description);
    sub->callback([&context, arguments, action] {
      context.run = [&context, arguments, action] {
        return with_session(context, [&](Session& session) {
          const auto dps = session.dps();
          return dps ? action(context, **dps, *arguments) : report(context, dps.error());
        });
      };
    });
    return sub;
  };
  const auto add_id = [&](CLI::App* sub) {
    sub->add_option("KIND", arguments->kind, "group or individual")
        ->required()
        ->check(CLI::IsMember({"group", "individual"}));
    sub->add_option("ID", arguments->id, "Enrollment group, or registration id of a device")
        ->required();
  };
  const auto add_key_file = [&](CLI::App* sub) {
    sub->add_option("--key-file", arguments->key_file,
                    "New file (mode 0600) for the primary key; it is never printed")
        ->type_name("FILE");
  };

  add("list", "All enrollments", &list)->footer("Example:\n  mcu-ota enrollment list\n");

  CLI::App* shows = add("show", "One enrollment, and its key into a file", &show);
  add_id(shows);
  add_key_file(shows);
  shows->footer("Example:\n  mcu-ota enrollment show group plant --key-file plant.key\n");

  CLI::App* creates = add(
      "create", "Let devices provision themselves, with a symmetric key or certificates", &create);
  add_id(creates);
  add_key_file(creates);
  creates
      ->add_option("--ca-reference", arguments->ca_reference,
                   "Group of devices with certificates instead of a key: the name of a verified "
                   "CA certificate in DPS")
      ->type_name("NAME")
      ->excludes("--key-file");
  creates->add_option("--product", arguments->tags.product, "Tag productType of its devices");
  creates->add_option("--group", arguments->tags.group, "Tag deviceGroup of its devices");
  creates->footer(
      "The key file is what agents name as dps.group_key_file (group) or dps.key_file.\n"
      "Examples:\n"
      "  mcu-ota enrollment create group plant --product pump --group lab --key-file plant.key\n"
      "  mcu-ota enrollment create individual pump-017 --product pump --group lab --key-file "
      "pump-017.key\n"
      "  mcu-ota enrollment create group plant-x509 --product pump --ca-reference plant-ca\n");

  CLI::App* removes = add("delete", "Take an enrollment away; its devices stay", &remove);
  add_id(removes);
  add_yes(*removes, arguments->confirmed);
  removes->footer("Example:\n  mcu-ota enrollment delete individual pump-017 --yes\n");
}

}  // namespace ota::cli
