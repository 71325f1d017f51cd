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
  std::string certificate_file;
  std::string second_certificate_file;
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

void print_enrollment(const Context& context, const Enrollment& enrollment) {
  if (context.format == Format::Json) {
    Json document = to_json(enrollment);
    document["schema"] = kJsonSchema;
    print_json(document);
  } else {
    std::cout << table_of({enrollment});
  }
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
  print_enrollment(context, *enrollment);
  return ExitCode::Ok;
}

/// What the command line says of it; the certificates are read from their files.
Result<Enrollment, Problem> enrollment_of(const Arguments& arguments) {
  Enrollment out{.kind = arguments.enrollment_kind(),
                 .id = arguments.id,
                 .ca_reference = arguments.ca_reference};
  if (!arguments.certificate_file.empty()) {
    OTA_TRY(out.certificate, read_key_file(arguments.certificate_file));
  }
  if (!arguments.second_certificate_file.empty()) {
    OTA_TRY(out.second_certificate, read_key_file(arguments.second_certificate_file));
  }
  return out;
}

ExitCode create(const Context& context, rest::DpsClient& dps, const Arguments& arguments) {
  if (!arguments.key_file.empty()) {
    if (const auto problem = check_key_file(arguments.key_file)) return report(context, *problem);
  }
  const auto wanted = enrollment_of(arguments);
  if (!wanted) return report(context, wanted.error());
  const auto created = rollout::create_enrollment(dps, *wanted, arguments.tags);
  if (!created) return report(context, problem_of(created.error()));
  return show(context, dps, arguments);
}

ExitCode remove(const Context& context, rest::DpsClient& dps, const Arguments& arguments) {
  const auto refused = confirm(arguments.confirmed, "without enrollment '" + arguments.id +
                                                        "' its devices cannot provision again");
  if (refused) return report(context, *refused);
  const auto removed = rollout::delete_enrollment(dps, arguments.enrollment_kind(), arguments.id);
  if (!removed) return report(context, problem_of(removed.error()));
  if (context.format == Format::Json) {
    print_json({{"schema", kJsonSchema}, {"id", arguments.id}, {"result", "deleted"}});
  } else {
    std::cout << "deleted " << arguments.kind << " enrollment " << printable(arguments.id) << "\n";
  }
  return ExitCode::Ok;
}

ExitCode change(const Context& context, rest::DpsClient& dps, const Arguments& arguments,
                rollout::Provisioning provisioning) {
  const auto enrollment =
      rollout::set_provisioning(dps, arguments.enrollment_kind(), arguments.id, provisioning);
  if (!enrollment) return report(context, problem_of(enrollment.error()));
  print_enrollment(context, *enrollment);
  return ExitCode::Ok;
}

ExitCode enable(const Context& context, rest::DpsClient& dps, const Arguments& arguments) {
  return change(context, dps, arguments, rollout::Provisioning::Enabled);
}

ExitCode disable(const Context& context, rest::DpsClient& dps, const Arguments& arguments) {
  return change(context, dps, arguments, rollout::Provisioning::Disabled);
}

/// Adds the verbs below `enrollment`, which share their arguments.
class Verbs {
 public:
  Verbs(CLI::App& enrollment, Context& context) : enrollment_(enrollment), context_(context) {}

  CLI::App* add(const char* name, const char* description, Action action) {
    CLI::App* sub = enrollment_.add_subcommand(name, description);
    sub->callback([&context = context_, arguments = arguments_, action] {
      context.run = [&context, arguments, action] {
        return with_session(context, [&](Session& session) {
          const auto dps = session.dps();
          return dps ? action(context, **dps, *arguments) : report(context, dps.error());
        });
      };
    });
    return sub;
  }

  /// The same for a verb that is about one enrollment.
  CLI::App* add_about_one(const char* name, const char* description, Action action) {
    CLI::App* sub = add(name, description, action);
    sub->add_option("KIND", arguments_->kind, "group or individual")
        ->required()
        ->check(CLI::IsMember({"group", "individual"}));
    sub->add_option("ID", arguments_->id, "Enrollment group, or registration id of a device")
        ->required();
    return sub;
  }

  CLI::Option* add_key_file(CLI::App& sub) {
    return sub
        .add_option("--key-file", arguments_->key_file,
                    "New file (mode 0600) for the primary key; it is never printed")
        ->type_name("FILE");
  }

  void add_certificates(CLI::App& sub, CLI::Option* key_file) {
    CLI::Option* reference =
        sub.add_option("--ca-reference", arguments_->ca_reference,
                       "Group of devices with certificates instead of a key: the name of a "
                       "verified CA certificate in DPS")
            ->type_name("NAME")
            ->excludes(key_file);
    CLI::Option* certificate =
        sub.add_option("--certificate", arguments_->certificate_file,
                       "Certificate (PEM) instead of a key: of the CA that signs the group's "
                       "devices, or the one device's own")
            ->type_name("FILE")
            ->excludes(key_file)
            ->excludes(reference);
    sub.add_option("--second-certificate", arguments_->second_certificate_file,
                   "Another certificate that counts as well, for the time of a change")
        ->type_name("FILE")
        ->needs(certificate);
  }

  Arguments& arguments() { return *arguments_; }

 private:
  CLI::App& enrollment_;
  Context& context_;
  std::shared_ptr<Arguments> arguments_ = std::make_shared<Arguments>();
};

void add_create(Verbs& verbs) {
  CLI::App* creates = verbs.add_about_one(
      "create", "Let devices provision themselves, with a symmetric key or certificates", &create);
  verbs.add_certificates(*creates, verbs.add_key_file(*creates));
  rollout::DeviceFilter& tags = verbs.arguments().tags;
  creates->add_option("--product", tags.product, "Tag productType of its devices");
  creates->add_option("--group", tags.group, "Tag deviceGroup of its devices");
  creates->footer(
      "The key file is what agents name as dps.group_key_file (group) or dps.key_file.\n"
      "Examples:\n"
      "  mcu-ota enrollment create group plant --product pump --group lab --key-file plant.key\n"
      "  mcu-ota enrollment create individual pump-017 --product pump --group lab --key-file "
      "pump-017.key\n"
      "  mcu-ota enrollment create group plant-x509 --product pump --certificate plant-ca.pem\n"
      "  mcu-ota enrollment create group plant-x509 --product pump --ca-reference plant-ca\n");
}

}  // namespace

void add_enrollment(CLI::App& app, Context& context) {
  CLI::App* verb =
      app.add_subcommand("enrollment", "Who may provision itself through DPS, and with which tags");
  verb->require_subcommand(1);
  Verbs verbs(*verb, context);

  verbs.add("list", "All enrollments", &list)
      ->footer("Examples:\n  mcu-ota enrollment list\n  mcu-ota enrollment list --json\n");

  CLI::App* shows = verbs.add_about_one("show", "One enrollment, and its key into a file", &show);
  verbs.add_key_file(*shows);
  shows->footer("Example:\n  mcu-ota enrollment show group plant --key-file plant.key\n");

  add_create(verbs);
  add_enrollment_key(*verb, context);

  verbs.add_about_one("disable", "Let its devices provision themselves no longer", &disable)
      ->footer(
          "Devices that are provisioned already stay as they are.\n"
          "Example:\n  mcu-ota enrollment disable group plant\n");
  verbs.add_about_one("enable", "Let its devices provision themselves again", &enable)
      ->footer("Example:\n  mcu-ota enrollment enable group plant\n");

  CLI::App* removes =
      verbs.add_about_one("delete", "Take an enrollment away; its devices stay", &remove);
  add_yes(*removes, verbs.arguments().confirmed);
  removes->footer("Example:\n  mcu-ota enrollment delete individual pump-017 --yes\n");
}

}  // namespace ota::cli
