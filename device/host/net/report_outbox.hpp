#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/backoff.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"
#include "device/host/net/message.hpp"
#include "device/host/net/timing.hpp"

namespace ota::net {

/// Reported patches on their way to the hub, one at a time, so that an old state never overwrites a
/// newer one. Progress may be replaced by what comes after it; an outcome stays until the hub has
/// answered 204, or until there is a newer one: "applied" of a version that has been replaced in
/// the meantime would be false.
class ReportOutbox {
 public:
  explicit ReportOutbox(Random& random, const Timing& timing = {}) noexcept
      : random_(random),
        answer_timeout_(timing.answer_timeout),
        backoff_(std::chrono::seconds(2), timing.retry_max) {}

  /// @param outcome_number 0 for progress
  void add(std::string patch, std::uint32_t outcome_number);

  /// The patch to send now, or nothing: none waits, one is in flight, or a retry is not due yet.
  std::optional<Publish> next(Instant now);

  /// The hub's answer to a request of ours; false if the id is not one of ours in flight.
  bool answered(std::string_view request_id, int status, Instant now);

  /// Notices an answer that does not come.
  void tick(Instant now);

  /// What was in flight is sent again after the next connect.
  void connection_lost() noexcept;

  std::optional<Instant> deadline() const noexcept;

  /// Requests in a row without an answer.
  std::uint32_t unanswered() const noexcept { return unanswered_; }

  /// Numbers of the outcomes that the hub has stored since the last call.
  std::vector<std::uint32_t> take_acknowledged();

  std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Entry {
    std::string patch;
    std::uint32_t outcome_number = 0;
  };

  void drop_outdated();
  void retry_later(Instant now);

  Random& random_;
  Duration answer_timeout_;
  Backoff backoff_;
  std::deque<Entry> entries_;
  std::string in_flight_;  // request id; empty: nothing is
  Instant answer_due_{};
  Instant retry_at_{};
  std::uint32_t requests_ = 0;
  std::uint32_t unanswered_ = 0;
  std::vector<std::uint32_t> acknowledged_;
};

}  // namespace ota::net
