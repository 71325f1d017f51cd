#pragma once

#include <cstdint>

#include "base/clock.hpp"

namespace ota::engine {

/// Decides when a download is worth a report: a million devices share one hub's quota.
class Progress {
 public:
  static constexpr Duration kReportPause = std::chrono::seconds(60);
  static constexpr Duration kQuietAfter = std::chrono::seconds(60);

  void begin(Instant now) noexcept {
    last_data_ = last_report_ = now;
    reported_quarter_ = 0;
    best_bytes_ = 0;
    quiet_ = false;
  }

  /// Where a resumed download starts: quarters that are behind it are not news.
  void resume_at(std::uint32_t bytes, std::uint32_t size_bytes) noexcept {
    best_bytes_ = bytes > best_bytes_ ? bytes : best_bytes_;
    const std::uint8_t quarter = quarter_of(bytes, size_bytes);
    if (quarter > reported_quarter_) reported_quarter_ = quarter;
  }

  enum class News : std::uint8_t { None, Report };

  /// @returns Report at 25, 50 and 75 %, at least 60 s apart, and when data flows again after a
  /// pause
  News on_data(std::uint32_t bytes, std::uint32_t size_bytes, Instant now) noexcept {
    last_data_ = now;
    if (bytes > best_bytes_) {
      best_bytes_ = bytes;
      last_new_byte_ = now;
    }
    const bool flows_again = quiet_;
    quiet_ = false;
    const std::uint8_t quarter = quarter_of(bytes, size_bytes);
    const bool milestone =
        quarter > reported_quarter_ && quarter < 4 && now - last_report_ >= kReportPause;
    if (!flows_again && !milestone) return News::None;
    if (quarter > reported_quarter_) reported_quarter_ = quarter;
    last_report_ = now;
    return News::Report;
  }

  /// @returns Report once when no data came for 60 s
  News on_time(Instant now) noexcept {
    if (quiet_ || now < quiet_at()) return News::None;
    quiet_ = true;
    last_report_ = now;
    return News::Report;
  }

  bool quiet() const noexcept { return quiet_; }
  Instant quiet_at() const noexcept { return last_data_ + kQuietAfter; }

  /// The last time that the download got further than ever; a server that makes it start again and
  /// again does not count.
  Instant last_new_byte() const noexcept { return last_new_byte_; }
  std::uint32_t best_bytes() const noexcept { return best_bytes_; }
  void start_stall_clock(Instant now) noexcept { last_new_byte_ = now; }

 private:
  static constexpr std::uint8_t quarter_of(std::uint32_t bytes, std::uint32_t size) noexcept {
    if (size == 0) return 0;
    return static_cast<std::uint8_t>(std::uint64_t{4} * bytes / size);
  }

  Instant last_data_{};
  Instant last_report_{};
  Instant last_new_byte_{};
  std::uint32_t best_bytes_ = 0;
  std::uint8_t reported_quarter_ = 0;
  bool quiet_ = false;
};

}  // namespace ota::engine
