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
#include "contract/status.hpp"
#include "device/host/net/message.hpp"
#include "device/host/net/timing.hpp"

namespace ota::net {

/// What a report says about the MCU.
enum class Claim : std::uint8_t {
  None,
  McuRuns,  // "applied": false as soon as the MCU is programmed again
  McuBusy,  // it is in our hands
};
Claim claim_of(const contract::Report& report) noexcept;

struct Report {
  std::string patch;
  std::uint32_t outcome_number = 0;  // 0: progress
  Claim claim = Claim::None;
};

/// True if `older`, when it has not been sent yet, must not be sent any more: progress says nothing
/// once something newer is known, a newer outcome counts, and "applied" may have become false.
bool overtakes(const Report& newer, const Report& older) noexcept;

/// Reported patches on their way to the hub, one at a time, so that an old state never overwrites a
/// newer one. An outcome stays until the hub has answered 204 or something has overtaken it.
class ReportOutbox {
 public:
  explicit ReportOutbox(Random& random, const Timing& timing = {}) noexcept
      : random_(random),
        answer_timeout_(timing.answer_timeout),
        backoff_(std::chrono::seconds(2), timing.retry_max) {}

  void add(Report report);

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
    Report report;
    bool overtaken = false;  // kept only because it is in flight
  };

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
