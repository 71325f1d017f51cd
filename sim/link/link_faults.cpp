#include "sim/link/link_faults.hpp"

#include <algorithm>
#include <chrono>

namespace ota::sim {

using fetch::TransferEnd;
using std::chrono::duration_cast;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

constexpr std::uint32_t kFlashBlockBytes = 64 * 1024;

/// Draws what the name of a fault leaves open.
struct Draw {
  Random& random;
  std::uint64_t bytes;  // of the object

  /// Anywhere in the object, and more often where an off-by-one would show: at its ends and at the
  /// ends of flash blocks.
  std::uint64_t place() const {
    if (bytes == 0) return 0;
    const std::uint64_t anywhere = random.below(bytes);
    const std::uint64_t few = random.below(std::min<std::uint64_t>(bytes, 3));
    const std::uint64_t block_begin = anywhere / kFlashBlockBytes * kFlashBlockBytes;
    switch (random.below(8)) {
      case 0:
        return few;
      case 1:
        return bytes - 1 - few;
      case 2:
        return std::min(block_begin + few, bytes - 1);
      case 3:
        return block_begin - std::min(block_begin, few);
      default:
        return anywhere;
    }
  }
  std::optional<std::uint64_t> part() const {
    if (random.below(2) == 0) return std::nullopt;
    return 1 + place();
  }
  std::int64_t shift() const {
    const auto by = static_cast<std::int64_t>(1 + place());
    return random.below(2) == 0 ? by : -by;
  }
  std::uint32_t between(std::uint32_t least, std::uint32_t most) const {
    return least + static_cast<std::uint32_t>(random.below(most - least + 1));
  }
  Duration a_while() const { return minutes(between(1, 120)); }
  std::optional<Duration> retry_after() const {
    switch (random.below(4)) {
      case 0:
        return std::nullopt;
      case 1:
        return Duration{};
      case 2:
        return Duration(hours(between(24, 24 * 365)));
      default:
        return Duration(seconds(between(1, 900)));
    }
  }
};

template <int kStatus>
Exchange answered(Draw) {
  return {.status = kStatus};
}

/// In the order of LinkFault.
struct Kind {
  std::string_view name;
  Exchange (*make)(Draw draw);
};
constexpr std::array<Kind, kLinkFaultCount> kKinds = {{
    {"unreachable",
     [](Draw draw) -> Exchange {
       return {.takes = seconds(draw.between(0, 29)), .without_head = true};
     }},
    {"tls_untrusted",
     [](Draw) -> Exchange { return {.end = TransferEnd::TlsUntrusted, .without_head = true}; }},
    {"clock_unset",
     [](Draw draw) -> Exchange {
       return {.end = TransferEnd::TlsNotYetValid, .without_head = true, .lasts = draw.a_while()};
     }},
    {"slow_start", [](Draw draw) -> Exchange { return {.takes = seconds(draw.between(1, 59))}; }},
    {"no_answer", [](Draw) -> Exchange { return {.takes = fetch::kLowSpeedTime}; }},
    {"drop_in_head", [](Draw) -> Exchange { return {.drop_after = 0}; }},
    {"drop", [](Draw draw) -> Exchange { return {.drop_after = draw.place()}; }},
    {"stall", [](Draw draw) -> Exchange { return {.stall_after = draw.place()}; }},
    {"trickle",
     [](Draw draw) -> Exchange {
       return {.bytes_per_second = draw.between(fetch::kLowSpeedBytes, 16'000)};
     }},
    {"crawl",
     [](Draw draw) -> Exchange {
       return {.bytes_per_second = draw.between(1, fetch::kLowSpeedBytes - 1)};
     }},
    {"part_only", [](Draw draw) -> Exchange { return {.part_bytes = 1 + draw.place()}; }},
    {"short_body", [](Draw draw) -> Exchange { return {.missing_bytes = 1 + draw.place()}; }},
    {"long_body",
     [](Draw draw) -> Exchange {
       return {.excess_bytes = draw.between(1, 2 * kFlashBlockBytes), .part_bytes = draw.part()};
     }},
    {"range_ignored", [](Draw) -> Exchange { return {.ignore_range = true}; }},
    {"range_elsewhere", [](Draw draw) -> Exchange { return {.shift_range = draw.shift()}; }},
    {"range_other_total", [](Draw draw) -> Exchange { return {.shift_total = draw.shift()}; }},
    {"range_absent", [](Draw) -> Exchange { return {.without_content_range = true}; }},
    {"length_absent", [](Draw) -> Exchange { return {.without_length = true}; }},
    {"etag_absent", [](Draw) -> Exchange { return {.without_etag = true}; }},
    {"etag_changed", [](Draw) -> Exchange { return {.replaced = true}; }},
    {"etag_changed_unasked",
     [](Draw) -> Exchange { return {.replaced = true, .ignore_if_match = true}; }},
    {"content_changed", [](Draw) -> Exchange { return {.stale_content = true}; }},
    {"login_page", [](Draw) -> Exchange { return {.login_page = true}; }},
    {"moved_permanently", answered<301>},
    {"moved_temporarily", answered<302>},
    {"bad_request", answered<400>},
    {"token_expired", [](Draw) -> Exchange { return {.expire_token = true}; }},
    {"not_found", answered<404>},
    {"request_timeout", answered<408>},
    {"condition_failed", answered<412>},
    {"range_refused", answered<416>},
    {"too_many_requests",
     [](Draw draw) -> Exchange { return {.status = 429, .retry_after = draw.retry_after()}; }},
    {"server_error", answered<500>},
    {"unavailable",
     [](Draw draw) -> Exchange { return {.status = 503, .retry_after = draw.retry_after()}; }},
}};

Exchange make(LinkFault fault, Draw draw) {
  return kKinds[static_cast<std::uint8_t>(fault)].make(draw);
}

std::string seconds_text(Duration duration) {
  return std::to_string(duration_cast<seconds>(duration).count()) + " s";
}

}  // namespace

std::string_view to_text(LinkFault fault) noexcept {
  const auto index = static_cast<std::uint8_t>(fault);
  return index < kLinkFaultCount ? kKinds[index].name : std::string_view("unknown");
}

Exchange exchange_with(LinkFault fault, Random& random, std::uint64_t object_bytes) {
  return make(fault, {random, object_bytes});
}

DrawnFault draw_fault(Random& random, std::uint64_t object_bytes) {
  const Draw draw{random, object_bytes};
  const auto fault = static_cast<LinkFault>(random.below(kLinkFaultCount));
  DrawnFault drawn{fault, make(fault, draw)};
  const bool of_the_server = drawn.exchange.status && drawn.exchange.status != 412;
  const bool can_last = of_the_server || drawn.exchange.without_head || drawn.exchange.login_page;
  if (can_last && random.below(4) == 0) drawn.exchange.lasts = draw.a_while();
  return drawn;
}

std::string describe(const Exchange& exchange) {
  std::string text;
  const auto say = [&text](bool holds, std::string_view name, const std::string& value = {}) {
    if (!holds) return;
    if (!text.empty()) text += ", ";
    text += name;
    if (!value.empty()) text.append(" ").append(value);
  };
  const auto number = [](auto value) { return std::to_string(value); };
  say(exchange.status.has_value(), "status", number(exchange.status.value_or(0)));
  say(exchange.drop_after.has_value(), "drop after", number(exchange.drop_after.value_or(0)));
  const bool ends = exchange.drop_after || exchange.without_head;
  say(ends && exchange.end == TransferEnd::TlsUntrusted, "TLS untrusted");
  say(ends && exchange.end == TransferEnd::TlsNotYetValid, "TLS not yet valid");
  say(exchange.without_head, "no head");
  say(exchange.ignore_range, "range ignored");
  say(exchange.shift_range != 0, "range shifted by", number(exchange.shift_range));
  say(exchange.shift_total != 0, "total shifted by", number(exchange.shift_total));
  say(exchange.without_content_range, "no Content-Range");
  say(exchange.without_length, "no Content-Length");
  say(exchange.without_etag, "no ETag");
  say(exchange.excess_bytes != 0, "excess bytes", number(exchange.excess_bytes));
  say(exchange.missing_bytes != 0, "missing bytes", number(exchange.missing_bytes));
  say(exchange.part_bytes.has_value(), "part of", number(exchange.part_bytes.value_or(0)));
  say(exchange.login_page, "login page");
  say(exchange.replaced, "uploaded again");
  say(exchange.ignore_if_match, "If-Match ignored");
  say(exchange.stale_content, "other content");
  say(exchange.stall_after.has_value(), "stall after", number(exchange.stall_after.value_or(0)));
  say(exchange.bytes_per_second != 0, "bytes per second", number(exchange.bytes_per_second));
  say(exchange.expire_token, "token expired");
  say(exchange.retry_after.has_value(), "Retry-After",
      seconds_text(exchange.retry_after.value_or(Duration{})));
  say(exchange.takes != Duration{}, "takes", seconds_text(exchange.takes));
  say(exchange.lasts != Duration{}, "lasts", seconds_text(exchange.lasts));
  return text.empty() ? "good" : text;
}

}  // namespace ota::sim
