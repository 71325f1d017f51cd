#pragma once

// A rollout that is being followed, on a terminal, in a log, or as lines of JSON.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/context.hpp"
#include "cloud/rollout/follow.hpp"
#include "contract/azure/sas.hpp"

namespace ota::cli {

/// What one frame shows beside what was seen.
struct Frame {
  std::string time = {};     // "14:03:05Z"
  std::string waited = {};   // "3 min of 30 min"
  std::string trouble = {};  // why the last look gave nothing
};

/// The lines of a frame, none wider than `width`.
std::vector<std::string> frame_lines(const rollout::Sight& sight, const Frame& frame,
                                     std::size_t width);

/// "[######>>..........!!]": runs it, is under way, waits, has given up.
std::string tally_bar(const rollout::Tally& tally, std::size_t cells);

/// The first `width` characters of a text in UTF-8.
std::string fitted(const std::string& text, std::size_t width);

/// One sentence that says how it ended, and what can be done.
std::string ending_sentence(rollout::Ending ending, const rollout::Sight& sight);

class FollowView final : public rollout::FollowObserver {
 public:
  enum class Mode { Live, Lines, Json, Silent };
  enum class Stream { Out, Error };
  struct Setup {
    Mode mode = Mode::Lines;
    Stream stream = Stream::Out;
    std::optional<std::int64_t> timeout_s = {};
    std::function<contract::UnixSeconds()> now;
  };

  explicit FollowView(Setup setup) : setup_(std::move(setup)), start_(setup_.now()) {}

  void looked(const rollout::Sight& sight) override;
  void away(const rollout::Failure& why, Duration pause) override;
  /// The last word; nothing more is drawn.
  void ended(rollout::Ending ending, ExitCode code);

  /// What was seen last; nothing before the first look.
  const std::optional<rollout::Sight>& last() const { return last_; }

 private:
  void draw(const std::string& trouble);
  void line(const std::string& text) const;
  std::string time() const;
  std::string waited() const;

  Setup setup_;
  contract::UnixSeconds start_;
  std::optional<rollout::Sight> last_;
  std::string trouble_code_;
  std::size_t lines_drawn_ = 0;
};

/// Columns of the terminal behind a stream; 80 where there is none.
std::size_t window_width(FollowView::Stream stream);

/// Live on a terminal that can move its cursor, else lines.
FollowView::Mode mode_for(FollowView::Stream stream);

}  // namespace ota::cli
