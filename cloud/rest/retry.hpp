#pragma once

// When a request is sent again: 408, 429, 5xx and transport errors, with exponential back-off, full
// jitter and the server's Retry-After.

#include <functional>

#include "base/clock.hpp"
#include "base/random.hpp"
#include "cloud/rest/http_client.hpp"

namespace ota::rest {

/// Waits between two tries; a test writes down how long instead.
class Pause {
 public:
  virtual void wait(Duration duration) = 0;

 protected:
  ~Pause() = default;
};

/// Waits in real time.
class SystemPause final : public Pause {
 public:
  void wait(Duration duration) override;
};

/// Whether sending a request twice does the same as sending it once.
enum class Repeatable { Yes, No };

struct RetryPolicy {
  int tries_max = 4;
  Duration delay_base = std::chrono::milliseconds(250);
  Duration delay_max = std::chrono::seconds(10);
  Duration retry_after_max = std::chrono::seconds(30);  // who must wait longer is told so
};

class Retry {
 public:
  Retry(Pause& pause, Random& random, RetryPolicy policy = {})
      : pause_(pause), random_(random), policy_(policy) {}

  /// Calls `attempt` until it gives a final answer. A request that is not repeatable is sent again
  /// only where the service surely did not act on it: no connection, 429, 503.
  ApiResult<HttpReply> run(Repeatable repeatable,
                           const std::function<ApiResult<HttpReply>()>& attempt);

 private:
  Pause& pause_;
  Random& random_;
  RetryPolicy policy_;
};

/// The seconds of a Retry-After header; nothing if absent or a date.
std::optional<int> retry_after_seconds(const HttpReply& reply);

}  // namespace ota::rest
