#pragma once

// What the two threads leave for each other.

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.hpp"
#include "base/clock.hpp"
#include "device/host/net/hub_session.hpp"

namespace ota::agent {

/// For the update thread: the newest wish wins. A new one, or the end, raises the Cancel, so that
/// work comes back early.
class UpdateInbox {
 public:
  struct Mail {
    std::optional<net::Wish> wish;
    std::vector<std::uint32_t> acknowledged;
    bool stop = false;
  };

  /// The same wish again (after a reconnect) is delivered, but interrupts nothing.
  void put_wish(net::Wish wish);
  void put_acknowledged(const std::vector<std::uint32_t>& numbers);
  void put_stop();

  /// Waits until there is mail, or for at most `wait`; nothing: until there is mail. Lowers the
  /// Cancel.
  Mail take(std::optional<Duration> wait);

  const Cancel& cancel() const noexcept { return cancel_; }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  Mail mail_;
  std::optional<net::Wish> last_wish_;
  Cancel cancel_;
};

/// For the cloud thread: reports in order, without those that newer ones have overtaken.
class CloudInbox {
 public:
  void put_report(net::Report report);
  void put_stop();

  /// What has arrived, without waiting.
  std::vector<net::Report> take_reports();
  bool stopped() const;

  /// Waits for the end, at most `wait`. @returns stopped()
  bool wait_for_stop(Duration wait);

 private:
  mutable std::mutex mutex_;
  std::condition_variable stop_;
  std::vector<net::Report> reports_;
  bool stopped_ = false;
};

}  // namespace ota::agent
