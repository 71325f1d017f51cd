// hub events: what devices send and what happens to them, as lines of JSON.

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/session.hpp"
#include "cli/verbs.hpp"
#include "contract/json/json_text.hpp"

namespace ota::cli {
namespace {

struct EventsOptions {
  rest::EventsWanted wanted;
  std::vector<std::string> types;
  bool from_start = false;
  std::uint64_t count = 0;  // 0: until the program is ended
};

/// Prints lines and remembers where to go on after a lost connection.
class Printer {
 public:
  Printer(rest::EventsWanted& wanted, std::uint64_t count) : wanted_(wanted), left_(count) {}

  bool print(std::string_view line) {
    const auto event = contract::read_json(line);
    const bool ready = event.is_object() && event.value("type", "") == "ready";
    if (!ready) std::cout << line << std::endl;
    const auto sequence = event.is_object() ? event.find("sequence") : event.end();
    if (sequence == event.end() || !sequence->is_number_unsigned()) return std::cout.good();
    wanted_.from = sequence->get<std::uint64_t>() + (ready ? 0 : 1);
    if (ready) return true;
    if (left_ > 0) done_ = --left_ == 0;
    done_ = done_ || !std::cout.good();
    return !done_;
  }
  bool done() const { return done_; }

 private:
  rest::EventsWanted& wanted_;
  std::uint64_t left_;
  bool done_ = false;
};

ExitCode follow(const Context& context, Session& session, EventsOptions options) {
  constexpr std::chrono::seconds kPause{1};
  for (const std::string& type : options.types)
    options.wanted.types += (options.wanted.types.empty() ? "" : ",") + type;
  if (options.from_start) options.wanted.from = 0;
  Printer printer(options.wanted, options.count);
  rest::SystemPause pause;
  bool known = false;  // the hub has answered once
  for (;;) {
    const auto ended = session.hub().follow_events(
        options.wanted, [&](std::string_view line) { return printer.print(line); });
    if (printer.done()) return ExitCode::Ok;
    known = known || ended || ended.error().code == "disconnected";
    if (!ended && (!known || ended.error().kind != rest::ApiError::Kind::Network)) {
      return report(context, problem_of(rollout::failure_of(ended.error())));
    }
    if (ended || ended.error().code == "disconnected")
      std::cerr << "the hub has gone; waiting for it\n";
    pause.wait(kPause);
  }
}

}  // namespace

void add_hub_events(CLI::App& hub, Context& context) {
  const auto options = std::make_shared<EventsOptions>();
  CLI::App* verb = hub.add_subcommand(
      "events", "Follow what devices send and what happens to them, as lines of JSON");
  verb->add_option("--device", options->wanted.device_id, "Only of this device")->type_name("ID");
  verb->add_option("--type", options->types, "Only of this type; may be repeated")
      ->check(CLI::IsMember({"telemetry", "twin", "lifecycle", "connection"}));
  verb->add_flag("--from-start", options->from_start,
                 "Begin with the oldest event that the hub still has");
  verb->add_option("--count", options->count, "End after so many events")->type_name("N");
  verb->footer(
      "The running local hub is asked; it keeps the newest 10,000 events in memory. Azure offers\n"
      "events over AMQP only.\n"
      "Example:\n  mcu-ota hub events --device pump-017 --type telemetry --type twin\n");
  verb->callback([options, &context] {
    context.run = [options, &context] {
      return with_session(context,
                          [&](Session& session) { return follow(context, session, *options); });
    };
  });
}

}  // namespace ota::cli
