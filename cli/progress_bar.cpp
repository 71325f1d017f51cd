#include "cli/progress_bar.hpp"

#include <algorithm>
#include <iostream>

#include "cli/output.hpp"
#include "cli/text_of.hpp"

namespace ota::cli {
namespace {

constexpr int kCells = 30;

int percent_of(std::uint64_t done, std::uint64_t total) {
  return total == 0 ? 100 : static_cast<int>(std::min(done, total) * 100 / total);
}

}  // namespace

ProgressBar::ProgressBar(const Context& context)
    : draws_(context.progress_wanted && stderr_is_terminal()) {}

ProgressBar::~ProgressBar() {
  if (percent_drawn_ >= 0) std::cerr << "\n";
}

void ProgressBar::uploading(std::uint64_t done_bytes, std::uint64_t total_bytes) {
  const int percent = percent_of(done_bytes, total_bytes);
  if (!draws_ || percent == percent_drawn_) return;
  percent_drawn_ = percent;
  std::cerr << "\r" << progress_line(done_bytes, total_bytes) << std::flush;
}

std::string progress_line(std::uint64_t done_bytes, std::uint64_t total_bytes) {
  const int percent = percent_of(done_bytes, total_bytes);
  const int filled = percent * kCells / 100;
  std::string number = std::to_string(percent);
  number.insert(0, 3 - std::min<std::size_t>(3, number.size()), ' ');
  return "uploading [" + std::string(static_cast<std::size_t>(filled), '#') +
         std::string(static_cast<std::size_t>(kCells - filled), '.') + "] " + number + " %  " +
         size_text(done_bytes) + " of " + size_text(total_bytes);
}

}  // namespace ota::cli
