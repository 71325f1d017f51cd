#include "cloud/rest/retry.hpp"

#include <poll.h>

#include <algorithm>

#include "base/backoff.hpp"
#include "base/text.hpp"

namespace ota::rest {
namespace {

bool worth_another_try(const ApiResult<HttpReply>& result, Repeatable repeatable) {
  if (!result) {
    const ApiError& error = result.error();
    if (error.kind != ApiError::Kind::Network || error.code == "tls_untrusted") return false;
    return repeatable == Repeatable::Yes || error.code == "unreachable";
  }
  const int status = result->status;
  if (status == 429 || status == 503) return true;
  if (repeatable == Repeatable::No) return false;
  return status == 408 ||
         (status >= 500 && status != 501 && status != 507);  // 507: the disk is full
}

}  // namespace

void SystemPause::wait(Duration duration) {
  const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  ::poll(nullptr, 0, static_cast<int>(std::clamp<std::int64_t>(limit, 0, 600'000)));
}

ApiResult<HttpReply> Retry::run(Repeatable repeatable,
                                const std::function<ApiResult<HttpReply>()>& attempt) {
  Backoff backoff(policy_.delay_base, policy_.delay_max);
  for (int tries = 1;; ++tries) {
    auto result = attempt();
    if (tries >= policy_.tries_max || !worth_another_try(result, repeatable)) return result;
    Duration delay = backoff.next(random_);
    if (result) {
      const Duration asked = std::chrono::seconds(retry_after_seconds(*result).value_or(0));
      if (asked > policy_.retry_after_max) return result;
      delay = std::max(delay, asked);
    }
    pause_.wait(delay);
  }
}

std::optional<int> retry_after_seconds(const HttpReply& reply) {
  const auto text = reply.header("Retry-After");
  if (!text) return std::nullopt;
  const auto seconds = read_number<int>(*text);
  return seconds && *seconds >= 0 ? seconds : std::nullopt;
}

}  // namespace ota::rest
