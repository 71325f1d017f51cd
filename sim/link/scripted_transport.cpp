#include "sim/link/scripted_transport.hpp"

#include <algorithm>

namespace ota::sim {

using fetch::TransferEnd;
using fetch::Verdict;

namespace {

constexpr std::uint64_t kLinkBytesPerSecond = 1'600'000;
constexpr Duration kCancelCheck = std::chrono::milliseconds(100);  // what Transport promises

constexpr std::string_view kErrorPage =
    "<?xml version=\"1.0\"?><Error><Code>Scripted</Code></Error>";
constexpr std::string_view kLoginPage =
    "<!DOCTYPE html><html><body>Welcome to this network. Please log in.</body></html>";

Duration time_of(std::uint64_t bytes, std::uint64_t bytes_per_second) noexcept {
  constexpr std::uint64_t kMicroseconds = 1'000'000;
  return Duration(static_cast<Duration::rep>(bytes * kMicroseconds / bytes_per_second));
}

std::uint64_t shifted(std::uint64_t value, std::int64_t by) noexcept {
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(value) + by);
}

bool starts(const Exchange& exchange) noexcept {
  const bool tls =
      exchange.end == TransferEnd::TlsUntrusted || exchange.end == TransferEnd::TlsNotYetValid;
  const bool drops = exchange.drop_after.has_value();
  return !exchange.without_head && !(tls && drops);
}

}  // namespace

void ScriptedTransport::serve(RemoteObject object) {
  const auto known = std::find_if(blobs_.begin(), blobs_.end(),
                                  [&](const Blob& blob) { return blob.url == object.url; });
  const bool first = known == blobs_.end();
  Blob& blob = first ? blobs_.emplace_back() : *known;
  const bool same = !first && blob.etag == object.etag && *blob.content == object.bytes;
  if (same) return;
  blob.url = std::move(object.url);
  blob.etag = std::move(object.etag);
  blob.content = std::make_shared<const std::vector<std::byte>>(std::move(object.bytes));
  blob.handed_end = 0;
  blob.restart_allowed = true;
}

ScriptedTransport::Blob* ScriptedTransport::find(std::string_view url) {
  Blob* any = nullptr;
  for (Blob& blob : blobs_) {
    if (blob.url == url) return &blob;
    if (blob.url.empty()) any = &blob;
  }
  return any;
}

Exchange ScriptedTransport::next_exchange() {
  if (lasting_ && clock_.now() < lasts_until_) return *lasting_;
  lasting_.reset();
  if (script_.empty()) return {};
  const Exchange exchange = script_.front();
  script_.pop_front();
  if (exchange.lasts > Duration{}) {
    lasting_ = exchange;
    lasts_until_ = clock_.now() + exchange.lasts;
  }
  return exchange;
}

void ScriptedTransport::change_server(const fetch::Request& request, const Exchange& exchange,
                                      Blob* blob) {
  if (exchange.expire_token) expired_sas_ = std::string(request.sas);
  if (blob == nullptr) return;
  if (exchange.replaced) {
    blob->etag = "\"0x9E" + std::to_string(++replacements_) + "\"";
    blob->restart_allowed = true;
  }
  if (request.first_byte == 0 && blob->restart_allowed) {
    blob->handed_end = 0;
    blob->restart_allowed = false;
  }
}

int ScriptedTransport::honest_status(const fetch::Request& request, const Exchange& exchange,
                                     const Blob* blob) const {
  const bool token_refused = (sas_ && request.sas != *sas_) || request.sas == expired_sas_;
  if (token_refused) return 403;
  if (blob == nullptr) return 404;
  const bool other = !request.if_match.empty() && request.if_match != blob->etag;
  if (other && !exchange.ignore_if_match) return 412;
  if (exchange.ignore_range) return 200;
  return request.first_byte < blob->content->size() ? 206 : 416;
}

ScriptedTransport::Answer ScriptedTransport::answer_to(const fetch::Request& request,
                                                       const Exchange& exchange,
                                                       const Blob* blob) const {
  Answer answer;
  fetch::ResponseHead& head = answer.head;
  head.status = exchange.status.value_or(honest_status(request, exchange, blob));
  if (exchange.login_page) head.status = 200;
  head.retry_after = exchange.retry_after;
  const bool success = head.status == 200 || head.status == 206;
  if (!success || exchange.login_page || blob == nullptr || blob->content->empty()) {
    answer.body = bytes_of(exchange.login_page ? kLoginPage : kErrorPage);
    if (!exchange.without_length) head.content_length = answer.body.size();
    return answer;
  }
  const std::uint64_t total = blob->content->size();
  answer.of_object = true;
  answer.content = blob->content;
  if (!exchange.without_etag) head.etag = std::string_view(blob->etag);
  std::uint64_t count = total;
  if (head.status == 206) {
    answer.first_byte = std::min(shifted(request.first_byte, exchange.shift_range), total - 1);
    count = std::min(total - answer.first_byte, exchange.part_bytes.value_or(total));
    const fetch::ContentRange range{answer.first_byte, answer.first_byte + count - 1,
                                    shifted(total, exchange.shift_total)};
    // A range outside its total counts as malformed.
    const bool readable = range.last < range.total && !exchange.without_content_range;
    if (readable) head.content_range = range;
  }
  count -= std::min(count, exchange.missing_bytes);
  answer.body = Bytes(*answer.content).subspan(answer.first_byte, count);
  // What follows an announced length is not of the body: a body can be longer only without one.
  if (!exchange.without_length && exchange.excess_bytes == 0) head.content_length = count;
  return answer;
}

// In slices, so that a Cancel is seen as early as a real transport sees it.
bool ScriptedTransport::pass(Duration time, const Cancel& cancel) {
  while (time > Duration{}) {
    if (cancel.requested()) return false;
    const Duration slice = std::min(time, kCancelCheck);
    clock_.advance(slice);
    time -= slice;
  }
  return !cancel.requested();
}

TransferEnd ScriptedTransport::get(const fetch::Request& request, fetch::Receiver& receiver,
                                   const Cancel& cancel) noexcept {
  requests_.push_back({.first_byte = request.first_byte,
                       .if_match = std::string(request.if_match),
                       .url = std::string(request.url),
                       .at = clock_.now()});
  const TransferEnd end = transfer(request, next_exchange(), receiver, cancel);
  requests_.back().end = end;
  return end;
}

TransferEnd ScriptedTransport::transfer(const fetch::Request& request, const Exchange& exchange,
                                        fetch::Receiver& receiver, const Cancel& cancel) {
  Blob* const blob = find(request.url);
  change_server(request, exchange, blob);
  const bool too_slow = exchange.takes >= fetch::kLowSpeedTime;
  if (!pass(std::min(exchange.takes, fetch::kLowSpeedTime), cancel)) return TransferEnd::Cancelled;
  if (too_slow) return TransferEnd::TimedOut;
  if (!starts(exchange)) return exchange.end;
  const Answer answer = answer_to(request, exchange, blob);
  requests_.back().status = answer.head.status;
  if (blob != nullptr && answer.head.status == 412) blob->restart_allowed = true;
  if (receiver.on_head(answer.head) == Verdict::Stop) return TransferEnd::Stopped;
  const bool whole_for_a_part =
      answer.of_object && answer.head.status == 200 && request.first_byte > 0;
  if (whole_for_a_part) blob->handed_end = 0;
  return send_body(answer, exchange, blob, receiver, cancel);
}

Bytes ScriptedTransport::piece_of(const Answer& answer, const Exchange& exchange, std::uint64_t at,
                                  std::uint64_t count) {
  const std::uint64_t left = answer.body.size() - std::min<std::uint64_t>(at, answer.body.size());
  const Bytes piece = answer.body.subspan(answer.body.size() - left, std::min(count, left));
  if (piece.empty()) {
    scratch_.fill(std::byte{0xEE});
    return Bytes(scratch_).first(count);
  }
  if (!answer.of_object || !exchange.stale_content) return piece;
  std::transform(piece.begin(), piece.end(), scratch_.begin(),
                 [](std::byte byte) { return ~byte; });
  return Bytes(scratch_).first(piece.size());
}

void ScriptedTransport::account(const Answer& answer, std::uint64_t at, std::uint64_t count,
                                Blob* blob) {
  Seen& seen = requests_.back();
  seen.body_bytes += count;
  bytes_sent_ += count;
  if (!answer.of_object || at >= answer.body.size() || answer.content != blob->content) return;
  const std::uint64_t begin = answer.first_byte + at;
  const std::uint64_t end = begin + count;
  const std::uint64_t had = std::min(end, blob->handed_end);
  const std::uint64_t again = had > begin ? had - begin : 0;
  seen.handed_end = end;
  seen.again_bytes += again;
  bytes_again_ += again;
  blob->handed_end = std::max(blob->handed_end, end);
}

TransferEnd ScriptedTransport::send_body(const Answer& answer, const Exchange& exchange, Blob* blob,
                                         fetch::Receiver& receiver, const Cancel& cancel) {
  const std::uint64_t rate =
      exchange.bytes_per_second == 0 ? kLinkBytesPerSecond : exchange.bytes_per_second;
  const bool crawls = rate < fetch::kLowSpeedBytes;
  const std::uint64_t whole = answer.body.size() + exchange.excess_bytes;
  std::uint64_t limit = std::min(whole, exchange.drop_after.value_or(whole));
  limit = std::min(limit, exchange.stall_after.value_or(limit));
  const Instant low_speed_end = clock_.now() + fetch::kLowSpeedTime;
  for (std::uint64_t at = 0; at < limit;) {
    const std::uint64_t boundary = at < answer.body.size() ? answer.body.size() : whole;
    const std::uint64_t most = std::min({std::uint64_t{kPieceBytes}, rate, boundary - at});
    const Bytes piece = piece_of(answer, exchange, at, std::min(most, limit - at));
    if (!pass(time_of(piece.size(), rate), cancel)) return TransferEnd::Cancelled;
    if (crawls && clock_.now() >= low_speed_end) return TransferEnd::TimedOut;
    account(answer, at, piece.size(), blob);
    if (answer.of_object && exchange.stale_content) blob->restart_allowed = true;
    const Verdict verdict = receiver.on_body(piece);
    at += piece.size();
    if (on_piece_) on_piece_(at);
    if (verdict == Verdict::Stop) return TransferEnd::Stopped;
  }
  if (exchange.stall_after && limit < whole) {
    return pass(fetch::kLowSpeedTime, cancel) ? TransferEnd::TimedOut : TransferEnd::Cancelled;
  }
  return exchange.drop_after && limit < whole ? exchange.end : TransferEnd::Complete;
}

}  // namespace ota::sim
