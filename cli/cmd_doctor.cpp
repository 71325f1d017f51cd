#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/json_output.hpp"
#include "cli/session.hpp"
#include "cli/source.hpp"
#include "cli/verbs.hpp"
#include "cloud/doctor/doctor.hpp"
#include "cloud/rollout/deploy.hpp"

namespace ota::cli {
namespace {

using doctor::Finding;
using doctor::Findings;
using doctor::Verdict;
using Json = nlohmann::json;

struct Arguments {
  std::string container = rollout::kDefaultContainer;
  bool may_write = false;
};

constexpr std::size_t kVerdictWidth = 9;
constexpr std::size_t kCheckWidth = 24;

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size() + 1), ' ');
  return text;
}

/// A line as soon as a check is made; what to do is on a line of its own.
void print_line(const Finding& finding) {
  std::cout << padded(std::string(doctor::to_text(finding.verdict)), kVerdictWidth)
            << padded(finding.check, kCheckWidth) << printable(finding.detail) << "\n";
  if (!finding.fix.empty()) {
    std::cout << padded("", kVerdictWidth + kCheckWidth - 1) << "to do: " << printable(finding.fix)
              << "\n";
  }
  std::cout << std::flush;
}

void print_document(const Findings& findings) {
  Json checks = Json::array();
  for (const Finding& finding : findings.all()) {
    checks.push_back({{"check", finding.check},
                      {"result", doctor::to_text(finding.verdict)},
                      {"detail", finding.detail},
                      {"fix", finding.fix.empty() ? Json(nullptr) : Json(finding.fix)}});
  }
  print_json({{"schema", kJsonSchema},
              {"healthy", findings.count(Verdict::Failed) == 0},
              {"ok", findings.count(Verdict::Ok)},
              {"warnings", findings.count(Verdict::Warning)},
              {"failed", findings.count(Verdict::Failed)},
              {"skipped", findings.count(Verdict::Skipped)},
              {"checks", std::move(checks)}});
}

void print_verdict(const Findings& findings) {
  const auto number = [&findings](Verdict verdict) {
    return std::to_string(findings.count(verdict));
  };
  std::cout << "\n"
            << number(Verdict::Ok) << " ok, " << number(Verdict::Warning) << " warnings, "
            << number(Verdict::Failed) << " failed, " << number(Verdict::Skipped) << " skipped\n";
}

ExitCode run(const Context& context, const Arguments& arguments) {
  const doctor::Patient patient{.profile_path = profile_path_of(context),
                                .settings = environment_profile(),
                                .ca_file = context.ca_file,
                                .container = arguments.container,
                                .may_write = arguments.may_write};
  const bool json = context.format == Format::Json;
  Findings findings(json ? Findings::OnFinding() : print_line);
  PatientPause pause;
  SplitMix64 random(random_seed());
  const rest::HttpOptions http;
  const rest::ClientSetup setup{
      .http = http, .now = wall_clock(), .pause = pause, .random = random, .retry = {}};
  doctor::examine(findings, patient, setup);
  json ? print_document(findings) : print_verdict(findings);
  return findings.count(Verdict::Failed) == 0 ? ExitCode::Ok : ExitCode::Failed;
}

}  // namespace

void add_doctor(CLI::App& app, Context& context) {
  CLI::App* verb = app.add_subcommand(
      "doctor", "Check profile, network, TLS, keys, rights, clock and quotas, and say what to fix");
  const auto arguments = std::make_shared<Arguments>();
  verb->add_option("-c,--container", arguments->container, "Blob container of the firmware")
      ->capture_default_str();
  verb->add_flag("--write", arguments->may_write,
                 "Store a small probe in the container and delete it again");
  verb->footer(
      "Nothing is changed (but for --write). Exit code 1 if a check failed, also with --json.\n"
      "Examples:\n"
      "  mcu-ota doctor\n"
      "  mcu-ota doctor --write --profile azure.toml\n"
      "  mcu-ota doctor --json | jq '.checks[] | select(.result == \"failed\")'\n");
  verb->callback([&context, arguments] {
    context.run = [&context, arguments] { return run(context, *arguments); };
  });
}

}  // namespace ota::cli
