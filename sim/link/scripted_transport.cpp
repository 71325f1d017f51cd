#include "sim/link/scripted_transport.hpp"

#include <algorithm>

namespace ota::sim {

using fetch::TransferEnd;
using fetch::Verdict;

namespace {

// As curl hands a body over: in pieces of at most one receive buffer.
constexpr std::size_t kPieceBytes = 16 * 1024;
constexpr Duration kPieceTime = std::chrono::milliseconds(10);

std::vector<std::byte> error_page() {
  const Bytes text = bytes_of("<?xml version=\"1.0\"?><Error><Code>Scripted</Code></Error>");
  return {text.begin(), text.end()};
}

}  // namespace

ScriptedTransport::Answer ScriptedTransport::answer_to(const fetch::Request& request,
                                                       const Exchange& exchange) const {
  Answer answer;
  const std::uint64_t total = object_.bytes.size();
  int status = 206;
  if (exchange.ignore_range) status = 200;
  if (request.first_byte >= total) status = 416;
  if (!request.if_match.empty() && request.if_match != object_.etag) status = 412;
  if (sas_ && request.sas != *sas_) status = 403;
  answer.head.status = exchange.status.value_or(status);
  answer.head.retry_after = exchange.retry_after;
  if (answer.head.status != 200 && answer.head.status != 206) {
    answer.body = error_page();
    answer.head.content_length = answer.body.size();
    return answer;
  }
  if (!exchange.without_etag) answer.head.etag = std::string_view(object_.etag);
  std::uint64_t first = 0;
  if (answer.head.status == 206) {
    first = static_cast<std::uint64_t>(static_cast<std::int64_t>(request.first_byte) +
                                       exchange.shift_range);
    first = std::min(first, total - 1);
    answer.head.content_range = fetch::ContentRange{first, total - 1, total};
  }
  answer.head.content_length = total - first;
  answer.body.assign(object_.bytes.begin() + static_cast<std::ptrdiff_t>(first),
                     object_.bytes.end());
  answer.body.resize(answer.body.size() + exchange.excess_bytes, std::byte{0xEE});
  return answer;
}

TransferEnd ScriptedTransport::get(const fetch::Request& request, fetch::Receiver& receiver,
                                   const Cancel& cancel) noexcept {
  requests_.push_back({request.first_byte, std::string(request.if_match)});
  Exchange exchange;
  if (!script_.empty()) {
    exchange = script_.front();
    script_.pop_front();
  }
  clock_.advance(exchange.takes);
  if (cancel.requested()) return TransferEnd::Cancelled;
  const bool fails_before_head = exchange.drop_after == 0 && !exchange.status;
  if (fails_before_head) return exchange.end;
  const Answer answer = answer_to(request, exchange);
  if (receiver.on_head(answer.head) == Verdict::Stop) return TransferEnd::Stopped;
  const std::uint64_t limit = exchange.drop_after.value_or(answer.body.size());
  const Bytes body = Bytes(answer.body).first(std::min<std::size_t>(limit, answer.body.size()));
  for (std::size_t at = 0; at < body.size(); at += kPieceBytes) {
    if (cancel.requested()) return TransferEnd::Cancelled;
    const Bytes piece = body.subspan(at, std::min(kPieceBytes, body.size() - at));
    clock_.advance(kPieceTime);
    bytes_sent_ += piece.size();
    const Verdict verdict = receiver.on_body(piece);
    if (on_piece_) on_piece_(at + piece.size());
    if (verdict == Verdict::Stop) return TransferEnd::Stopped;
  }
  return exchange.drop_after ? exchange.end : TransferEnd::Complete;
}

}  // namespace ota::sim
