#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "cli/confirm.hpp"
#include "cli/control_text.hpp"
#include "cli/follow_rollout.hpp"
#include "cli/forecast_view.hpp"
#include "cli/json_output.hpp"
#include "cli/progress_bar.hpp"
#include "cli/rollout_view.hpp"
#include "cli/session.hpp"
#include "cli/text_of.hpp"
#include "cli/verbs.hpp"
#include "cloud/rollout/deploy.hpp"

namespace ota::cli {
namespace {

using rollout::DeployResult;

struct Arguments {
  std::string file;
  rollout::DeployRequest request;
  std::string version;  // as typed, so that the message can say what is wrong with it
  std::string days = std::to_string(rollout::kTokenDaysDefault);
  bool dry_run = false;
  bool wait = false;
  bool confirmed = false;
  FollowOptions follow;
};

/// 0 for what is no number or out of range: check_request() has the words for it.
std::uint32_t number_of(const std::string& text) {
  return read_number<std::uint32_t>(text).value_or(0);
}

const char* word_of(DeployResult::What what) {
  switch (what) {
    case DeployResult::What::Created:
      return "created";
    case DeployResult::What::AlreadyThere:
      return "already_there";
    case DeployResult::What::Planned:
      return "planned";
  }
  return "unknown";
}

/// A deployment, and what was found out before (a dry run) or after it (waiting).
struct Report {
  DeployResult result;
  std::optional<Plan> plan;
  std::optional<Followed> followed;
};

nlohmann::json followed_json(const Followed& followed) {
  nlohmann::json out = {{"outcome", to_text(followed.ending)},
                        {"exitCode", static_cast<int>(followed.exit_code)},
                        {"state", nullptr},
                        {"counts", nullptr},
                        {"failures", nlohmann::json::array()}};
  if (followed.last) {
    out["state"] = to_text(followed.last->release.state);
    out["counts"] = tally_json(followed.last->tally);
    out["failures"] = failures_json(followed.last->tally.failures);
  }
  return out;
}

void print_report_json(const Report& report) {
  const DeployResult& result = report.result;
  nlohmann::json out = {{"schema", kJsonSchema},
                        {"result", word_of(result.what)},
                        {"configuration", result.configuration_id},
                        {"targetCondition", result.target_condition},
                        {"url", result.url},
                        {"sha256", result.sha256},
                        {"sizeBytes", result.size_bytes},
                        {"blobWasThere", result.blob_was_there},
                        {"revision", result.revision},
                        {"state", rollout::to_text(result.state)},
                        {"tokenExpires", nullptr},
                        {"removed", result.removed},
                        {"warnings", result.warnings}};
  if (result.token_expires != 0) out["tokenExpires"] = contract::to_iso8601(result.token_expires);
  if (report.plan) out["forecast"] = plan_json(*report.plan);
  if (report.followed) out["wait"] = followed_json(*report.followed);
  print_json(out);
}

void print_text(const DeployResult& result) {
  const char* verdict = "deployed";
  if (result.what == DeployResult::What::AlreadyThere) verdict = "already there, nothing to do";
  if (result.what == DeployResult::What::Planned) verdict = "dry run, nothing was changed";
  std::cout << printable(result.configuration_id) << ": " << verdict << "\n"
            << "  devices  " << printable(result.target_condition) << "\n"
            << "  image    " << size_text(result.size_bytes) << ", sha256 " << result.sha256 << "\n"
            << "  blob     " << printable(result.url)
            << (result.what == DeployResult::What::Created && result.blob_was_there ? " (was there)"
                                                                                    : "")
            << "\n";
  if (result.token_expires != 0) {
    std::cout << "  token    until " << contract::to_iso8601(result.token_expires) << "\n";
  }
  for (const std::string& id : result.removed) std::cout << "  removed  " << id << "\n";
}

class NoProgress final : public rollout::DeployObserver {
 public:
  void uploading(std::uint64_t, std::uint64_t) override {}
};

/// What a person at a terminal is asked before devices are offered something new. Scripts are not
/// asked: the command is what they mean, as in the public sample.
/// @returns why not; nothing: go on
std::optional<Problem> ask(Session& session, const rollout::Cloud& cloud,
                           const Arguments& arguments, const rollout::ImageFile& image) {
  if (arguments.confirmed || arguments.dry_run || !can_ask()) return std::nullopt;
  rollout::DeployRequest rehearsal = arguments.request;
  rehearsal.mode = rollout::Mode::Dry;
  NoProgress progress;
  const auto planned = rollout::deploy(cloud, rehearsal, image, progress);
  // What cannot be done, or is done already, needs no question.
  if (!planned || planned->what != DeployResult::What::Planned) return std::nullopt;
  const auto audience = rollout::find_audience(session.hub(), arguments.request);
  if (!audience) return problem_of(audience.error());
  return confirm(false, "this offers version " + std::to_string(arguments.request.version) + " (" +
                            size_text(image.size_bytes) + ") to " +
                            count_text(audience->to_update()) + " devices of product '" +
                            arguments.request.product + "', group '" + arguments.request.group +
                            "'");
}

/// People see what was deployed before they wait for it, programs get one document at the end.
ExitCode tell(const Context& context, Session& session, const Arguments& arguments,
              DeployResult result) {
  const bool json = context.format == Format::Json;
  Report told{.result = std::move(result), .plan = {}, .followed = {}};
  if (arguments.dry_run) {
    auto plan = make_plan(session, arguments.request, told.result.size_bytes,
                          quotas_for(session, arguments.follow.quotas));
    if (!plan) return report(context, plan.error());
    told.plan = std::move(*plan);
  }
  if (!json) print_text(told.result);
  if (!json && told.plan) std::cout << plan_text(*told.plan);
  if (arguments.wait && !arguments.dry_run) {
    const auto stream = FollowView::Stream::Error;
    auto followed = follow_rollout(
        session,
        {.rollout = {.product = arguments.request.product,
                     .group = arguments.request.group,
                     .version = arguments.request.version},
         .hub = rollout::FollowRequest::Hub::Known,
         .mode = context.progress_wanted ? mode_for(stream) : FollowView::Mode::Silent,
         .stream = stream},
        arguments.follow);
    if (!followed) return report(context, followed.error());
    told.followed = std::move(*followed);
  }
  if (json) print_report_json(told);
  return told.followed ? told.followed->exit_code : ExitCode::Ok;
}

ExitCode run(const Context& context, Arguments arguments) {
  rollout::DeployRequest& request = arguments.request;
  request.version = number_of(arguments.version);
  request.token_days = number_of(arguments.days);
  request.mode = arguments.dry_run ? rollout::Mode::Dry : rollout::Mode::Real;
  if (const auto checked = rollout::check_request(request); !checked) {
    return report(context, problem_of(checked.error()));
  }
  const auto image = rollout::open_image(arguments.file);
  if (!image) return report(context, problem_of(image.error()));
  const auto session = Session::open(context);
  if (!session) return report(context, session.error());
  const auto blobs = (*session)->blobs();
  if (!blobs) return report(context, blobs.error());

  const rollout::Cloud cloud{
      .hub = (*session)->hub(), .blobs = **blobs, .now = (*session)->clock()};
  if (const auto refused = ask(**session, cloud, arguments, *image)) {
    return report(context, *refused);
  }
  auto result = [&] {
    ProgressBar progress(context);
    return rollout::deploy(cloud, request, *image, progress);
  }();
  if (!result) return report(context, problem_of(result.error()));
  print_warnings(result->warnings);
  return tell(context, **session, arguments, std::move(*result));
}

}  // namespace

void add_deploy(CLI::App& app, Context& context) {
  CLI::App* verb = app.add_subcommand(
      "deploy", "Publish a firmware file and offer it to the devices of one product and group");
  const auto arguments = std::make_shared<Arguments>();
  rollout::DeployRequest& request = arguments->request;
  verb->add_option("FILE", arguments->file, "The firmware, as the MCU takes it")->required();
  verb->add_option("VERSION", arguments->version, "1 to 2147483647, higher than what is deployed")
      ->required();
  verb->add_option("PRODUCT", request.product, "The devices' tag productType")->required();
  verb->add_option("GROUP", request.group, "The devices' tag deviceGroup")->required();
  verb->add_option("-c,--container", request.container, "Blob container, made if missing")
      ->capture_default_str();
  verb->add_option("-d,--days", arguments->days, "How long devices may download it")
      ->capture_default_str();
  verb->add_option("--mcu-version", request.mcu_version,
                   "What the MCU reports when it runs this firmware (default: VERSION)")
      ->type_name("TEXT");
  verb->add_flag("--dry-run", arguments->dry_run,
                 "Check everything and change nothing; say who would get it and how long it takes");
  add_yes(*verb, arguments->confirmed);
  auto* wait = verb->add_flag("--wait", arguments->wait,
                              "Wait until every targeted device is done; the exit code says how "
                              "it ended");
  add_follow_options(*verb, arguments->follow);
  for (const char* name : {"--timeout", "--interval"}) verb->get_option(name)->needs(wait);
  verb->footer(
      "Examples:\n"
      "  mcu-ota deploy pump.bin 12 pump lab\n"
      "  mcu-ota deploy pump.bin 12 pump lab --dry-run\n"
      "  mcu-ota deploy pump.bin 12 pump lab --wait --timeout 30m\n"
      "  mcu-ota deploy pump-11.bin 13 pump lab --mcu-version 11   # back to an older firmware\n");
  verb->callback([&context, arguments] {
    context.run = [&context, arguments] { return run(context, *arguments); };
  });
}

}  // namespace ota::cli
