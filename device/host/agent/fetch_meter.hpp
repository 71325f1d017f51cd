#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "contract/offer.hpp"

namespace ota::agent {

/// Counts the bytes that were handed to the store for one offer. The count lives in a mapped file,
/// so that it outlives even SIGKILL; without the file it counts this run only.
class FetchMeter {
 public:
  explicit FetchMeter(const std::string& path);
  ~FetchMeter();
  FetchMeter(const FetchMeter&) = delete;
  FetchMeter& operator=(const FetchMeter&) = delete;

  /// Starts at zero unless this offer was counted before.
  void begin(const contract::Identity& offer) noexcept;
  void add(std::uint64_t bytes) noexcept;

  /// @thread any
  std::uint64_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

 private:
  struct Record {
    std::uint64_t offer;
    std::uint64_t bytes;
  };

  Record local_{};
  Record* record_ = &local_;
  std::atomic<std::uint64_t> bytes_{0};
};

}  // namespace ota::agent
