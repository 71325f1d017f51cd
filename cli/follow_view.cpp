#include "cli/follow_view.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/json_output.hpp"
#include "cli/output.hpp"
#include "cli/rollout_view.hpp"
#include "cli/text_of.hpp"

namespace ota::cli {
namespace {

using Json = nlohmann::json;
using rollout::Ending;
using rollout::Sight;
using rollout::Tally;

constexpr std::size_t kWidthDefault = 80;
constexpr std::size_t kWidthMin = 20;
constexpr std::size_t kBarCellsMax = 50;

int descriptor(FollowView::Stream stream) {
  return stream == FollowView::Stream::Out ? STDOUT_FILENO : STDERR_FILENO;
}

std::ostream& stream_of(FollowView::Stream stream) {
  return stream == FollowView::Stream::Out ? std::cout : std::cerr;
}

std::string percent_text(const Tally& tally) {
  if (tally.targeted == 0) return "-";
  return std::to_string(tally.done * 100 / tally.targeted) + " %";
}

}  // namespace

std::size_t window_width(FollowView::Stream stream) {
  winsize size{};
  const bool known = ::ioctl(descriptor(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? std::max<std::size_t>(size.ws_col, kWidthMin) : kWidthDefault;
}

std::string fitted(const std::string& text, std::size_t width) {
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool begins = (static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U;
    if (begins && ++characters > width) return text.substr(0, i);
  }
  return text;
}

std::string tally_bar(const Tally& tally, std::size_t cells) {
  const auto upto = [&tally, cells](std::int64_t devices) {
    if (tally.targeted <= 0) return std::size_t{0};
    return static_cast<std::size_t>(devices * static_cast<std::int64_t>(cells) / tally.targeted);
  };
  const std::int64_t moving = tally.downloading + tally.interrupted + tally.applying;
  // Nobody who has given up goes unseen, however many others there are.
  const std::int64_t over = tally.failed + tally.newer;
  const std::size_t given_up = over > 0 ? std::max<std::size_t>(1, upto(over)) : 0;
  const std::size_t done = std::min(upto(tally.done), cells - std::min(cells, given_up));
  const std::size_t under_way =
      std::min(upto(tally.done + moving) - upto(tally.done), cells - done - given_up);
  return "[" + std::string(done, '#') + std::string(under_way, '>') +
         std::string(cells - done - under_way - given_up, '.') + std::string(given_up, '!') + "]";
}

std::vector<std::string> frame_lines(const Sight& sight, const Frame& frame, std::size_t width) {
  const rollout::DeployedRelease& release = sight.release;
  std::vector<std::string> lines;
  lines.push_back(printable(release.product) + " " + printable(release.group) + " version " +
                  std::to_string(release.version) + ": " +
                  state_text(release, sight.superseded_by) + "   " + printable(release.id));
  // "[", "]" and " 100 %" beside the cells.
  const std::size_t cells = std::min(kBarCellsMax, width > 18 ? width - 8 : 10);
  lines.push_back(tally_bar(sight.tally, cells) + " " + percent_text(sight.tally));
  lines.push_back(tally_text(sight.tally));
  if (!sight.tally.failures.empty())
    lines.push_back("failed: " + failures_text(sight.tally.failures));
  if (release.state == rollout::RolloutState::Paused) {
    lines.push_back("paused: who has not begun does not begin until mcu-ota resume");
  }
  lines.push_back("seen at " + frame.time + (frame.waited.empty() ? "" : ", " + frame.waited));
  if (!frame.trouble.empty()) lines.push_back(printable(frame.trouble));
  for (std::string& line : lines) line = fitted(line, width);
  return lines;
}

std::string ending_sentence(Ending ending, const Sight& sight) {
  const std::string version = "version " + std::to_string(sight.release.version);
  const Tally& tally = sight.tally;
  const std::string still = tally_text(tally);
  switch (ending) {
    case Ending::AllRunIt:
      return "all " + count_text(tally.targeted) + " devices run " + version;
    case Ending::SomeFailed:
      return version + " has ended, but not every device runs it (" + still + "); `mcu-ota show " +
             sight.release.id +
             "` names them, `mcu-ota retry` lets them try "
             "again";
    case Ending::Aborted:
      return version + " was aborted (" + still + "); it is offered to nobody any more";
    case Ending::Removed:
      return "the configuration of " + version + " was deleted; nobody is offered it any more";
    case Ending::Superseded:
      return version + " was superseded by version " + std::to_string(sight.superseded_by) +
             " before every device ran it (" + still + ")";
    case Ending::TimedOut:
      return "waited long enough; " + version + " goes on (" + still + "): `mcu-ota watch " +
             sight.release.id + "` looks again";
    case Ending::Stopped:
      return "no longer looking; " + version + " goes on as it was (" + still +
             "): `mcu-ota watch " + sight.release.id + "` looks again";
  }
  return {};
}

FollowView::Mode mode_for(FollowView::Stream stream) {
  const char* terminal = std::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): no threads yet
  const bool moves = terminal != nullptr && std::string_view(terminal) != "dumb";
  return moves && ::isatty(descriptor(stream)) == 1 ? FollowView::Mode::Live
                                                    : FollowView::Mode::Lines;
}

std::string FollowView::time() const { return contract::to_iso8601(setup_.now()).substr(11); }

std::string FollowView::waited() const {
  const std::string elapsed = duration_text(static_cast<double>(setup_.now() - start_));
  if (!setup_.timeout_s) return "looking for " + elapsed;
  return "waited " + elapsed + " of " + duration_text(static_cast<double>(*setup_.timeout_s));
}

void FollowView::line(const std::string& text) const {
  stream_of(setup_.stream) << time() << "  " << printable(text) << std::endl;
}

void FollowView::draw(const std::string& trouble) {
  if (!last_) return;
  std::ostream& out = stream_of(setup_.stream);
  if (lines_drawn_ > 0) out << "\x1b[" << lines_drawn_ << "A\r\x1b[J";
  const auto lines = frame_lines(*last_, {.time = time(), .waited = waited(), .trouble = trouble},
                                 window_width(setup_.stream) - 1);
  for (const std::string& text : lines) out << text << "\n";
  out << std::flush;
  lines_drawn_ = lines.size();
}

void FollowView::looked(const Sight& sight) {
  const bool first = !last_;
  const bool back = !trouble_code_.empty();
  trouble_code_.clear();
  last_ = sight;
  if (setup_.mode == Mode::Live) return draw("");
  if (setup_.mode == Mode::Lines) {
    if (back) line("the hub answers again");
    if (first) line(printable(sight.release.id));
    if (!sight.changed && !first) return;
    const std::string failures = failures_text(sight.tally.failures);
    const bool plain =
        sight.release.state == rollout::RolloutState::Active && sight.superseded_by == 0;
    line(tally_text(sight.tally) + (failures.empty() ? "" : " (" + failures + ")") +
         (plain ? "" : "; " + state_text(sight.release, sight.superseded_by)));
  }
  if (setup_.mode == Mode::Json && (sight.changed || first)) {
    Json out = sight_json(sight);
    out["schema"] = kJsonSchema;
    out["event"] = "state";
    out["time"] = contract::to_iso8601(setup_.now());
    print_json_line(out);
  }
}

void FollowView::away(const rollout::Failure& why, Duration pause) {
  const auto again = std::chrono::ceil<std::chrono::seconds>(pause).count();
  std::string text = why.message;
  if (again > 0) text += "; looking again in " + duration_text(static_cast<double>(again));
  if (setup_.mode == Mode::Live && last_) draw(text);
  const bool known = trouble_code_ == why.code;
  trouble_code_ = why.code;
  if (known) return;
  if (setup_.mode == Mode::Lines || (setup_.mode == Mode::Live && !last_)) line(text);
  if (setup_.mode == Mode::Json) {
    print_json_line({{"schema", kJsonSchema},
                     {"event", "away"},
                     {"time", contract::to_iso8601(setup_.now())},
                     {"code", why.code},
                     {"message", why.message},
                     {"againInSeconds", again}});
  }
}

void FollowView::ended(Ending ending, ExitCode code) {
  if (setup_.mode == Mode::Json) {
    Json out = {{"schema", kJsonSchema},
                {"event", "end"},
                {"time", contract::to_iso8601(setup_.now())},
                {"outcome", to_text(ending)},
                {"exitCode", static_cast<int>(code)}};
    print_json_line(out);
  }
  const std::string sentence =
      last_ ? ending_sentence(ending, *last_) : "no longer looking; the hub has not answered";
  const bool result =
      setup_.mode != Mode::Json && setup_.stream == Stream::Out && code == ExitCode::Ok;
  (result ? std::cout : std::cerr)
      << (result ? "" : "mcu-ota: ") << printable(sentence) << std::endl;
}

}  // namespace ota::cli
