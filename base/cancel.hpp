#pragma once

#include <atomic>

namespace ota {

/// A flag that tells a blocking piece of work to come back early. Raised by another thread, read by
/// the worker.
class Cancel {
 public:
  void request() noexcept { requested_.store(true, std::memory_order_release); }
  void reset() noexcept { requested_.store(false, std::memory_order_release); }
  bool requested() const noexcept { return requested_.load(std::memory_order_acquire); }

 private:
  std::atomic<bool> requested_{false};
};

}  // namespace ota
