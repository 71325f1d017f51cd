#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/follow_rollout.hpp"
#include "cli/json_output.hpp"
#include "cli/rollout_view.hpp"
#include "cli/rollout_words.hpp"
#include "cli/session.hpp"
#include "cli/text_of.hpp"
#include "cli/verbs.hpp"

namespace ota::cli {
namespace {

using rollout::Sight;

struct Arguments {
  std::vector<std::string> words;
  FollowOptions follow;
  bool once = false;
};

FollowView::Mode mode_of(const Context& context) {
  return context.format == Format::Json ? FollowView::Mode::Json
                                        : mode_for(FollowView::Stream::Out);
}

ExitCode watch_one(const Context& context, Session& session, const Arguments& arguments) {
  const auto name = read_rollout(arguments.words);
  if (!name) return report(context, name.error());
  if (arguments.once) {
    const auto sight = rollout::look(session.hub(), *name);
    if (!sight) return report(context, problem_of(sight.error()));
    const bool json = context.format == Format::Json;
    FollowView view(
        {.mode = json ? FollowView::Mode::Json : FollowView::Mode::Lines, .now = session.clock()});
    view.looked(*sight);
    return ExitCode::Ok;
  }
  const auto followed =
      follow_rollout(session, {.rollout = *name, .mode = mode_of(context)}, arguments.follow);
  return followed ? followed->exit_code : report(context, followed.error());
}

/// All rollouts in force, one row each.
class Overview final : public rollout::FleetObserver {
 public:
  Overview(FollowView::Mode mode, rest::WallClock now) : mode_(mode), now_(std::move(now)) {}

  void looked(const rollout::FleetSight& sight) override {
    mode_ == FollowView::Mode::Json ? show_json(sight.rollouts) : show_table(sight.rollouts);
  }
  void away(const rollout::Failure& why, Duration) override {
    std::cerr << "mcu-ota: " << printable(why.message) << "; looking again\n";
  }

 private:
  void show_json(const std::vector<Sight>& rollouts) {
    nlohmann::json rows = nlohmann::json::array();
    for (const Sight& one : rollouts) rows.push_back(sight_json(one));
    if (shown_rows_ == rows) return;
    shown_rows_ = rows;
    print_json_line({{"schema", kJsonSchema},
                     {"event", "overview"},
                     {"time", contract::to_iso8601(now_())},
                     {"rollouts", std::move(rows)}});
  }

  void show_table(const std::vector<Sight>& rollouts) {
    const std::string text = table(rollouts);
    if (text == shown_ && mode_ != FollowView::Mode::Live) return;
    if (mode_ == FollowView::Mode::Live && lines_ > 0) {
      std::cout << "\x1b[" << lines_ << "A\r\x1b[J";
    }
    shown_ = text;
    const std::string whole = text + "seen at " + contract::to_iso8601(now_()).substr(11) + "\n";
    std::cout << whole << std::flush;
    lines_ = static_cast<std::size_t>(std::count(whole.begin(), whole.end(), '\n'));
  }

  std::string table(const std::vector<Sight>& rollouts) const {
    if (rollouts.empty()) return "nothing is deployed\n";
    Table out({"PRODUCT", "GROUP", "VERSION", "STATE", "PROGRESS", "DEVICES"});
    for (const Sight& one : rollouts) {
      out.add({printable(one.release.product), printable(one.release.group),
               std::to_string(one.release.version), state_text(one.release, 0),
               tally_bar(one.tally, kBarCells), tally_text(one.tally)});
    }
    if (mode_ != FollowView::Mode::Live) return out.text();
    std::string fitting;
    std::istringstream lines(out.text());
    for (std::string line; std::getline(lines, line);) {
      fitting += fitted(line, window_width(FollowView::Stream::Out) - 1) + "\n";
    }
    return fitting;
  }

  static constexpr std::size_t kBarCells = 20;
  FollowView::Mode mode_;
  rest::WallClock now_;
  std::string shown_;          // the table
  nlohmann::json shown_rows_;  // null before the first ones
  std::size_t lines_ = 0;
};

/// The overview never ends by itself; the deadline and Ctrl-C end it.
ExitCode watch_all(const Context& context, Session& session, const Arguments& arguments) {
  const auto mode = arguments.once && mode_of(context) == FollowView::Mode::Live
                        ? FollowView::Mode::Lines
                        : mode_of(context);
  Overview overview(mode, session.clock());
  if (arguments.once) {
    const auto seen = rollout::look_at_all(session.hub());
    if (!seen) return report(context, problem_of(seen.error()));
    overview.looked(*seen);
    return ExitCode::Ok;
  }
  const auto ending = follow_all(session, arguments.follow, overview);
  return ending ? exit_code_of(*ending) : report(context, ending.error());
}

}  // namespace

void add_watch(CLI::App& app, Context& context) {
  CLI::App* verb = app.add_subcommand(
      "watch", "Follow a rollout until it ends; without one, all of them until Ctrl-C");
  const auto arguments = std::make_shared<Arguments>();
  add_rollout(*verb, arguments->words);
  verb->add_flag("--once", arguments->once, "Look once and end");
  add_follow_options(*verb, arguments->follow);
  verb->footer(
      "The exit code is the outcome: 0 every device runs it, 6 not every one, 7 aborted, 8 timed\n"
      "out, 130 Ctrl-C. The rollout itself is never touched, so look as often and from as many\n"
      "machines as you like. On a terminal the view is drawn in place; elsewhere each change is a\n"
      "line, with --json a line of JSON.\n"
      "Examples:\n"
      "  mcu-ota watch pump lab\n"
      "  mcu-ota watch ota-pump-lab-v12-r1-1a2b3c4d --timeout 2h --json\n"
      "  mcu-ota watch --once\n");
  verb->callback([&context, arguments] {
    context.json_lines = true;
    context.run = [&context, arguments] {
      return with_session(context, [&](Session& session) {
        return arguments->words.empty() ? watch_all(context, session, *arguments)
                                        : watch_one(context, session, *arguments);
      });
    };
  });
}

}  // namespace ota::cli
