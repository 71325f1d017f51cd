#include "device/core/fetch/download.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace ota::fetch {

using contract::Code;

Download::Download(std::uint32_t size_bytes, std::uint32_t stored_bytes,
                   std::string_view etag) noexcept
    : size_bytes_(size_bytes), position_(stored_bytes), etag_(etag) {
  OTA_ASSERT(stored_bytes <= size_bytes);
}

Request Download::request(std::string_view url, std::string_view sas) const noexcept {
  // Without stored bytes any object will do; its hash decides in the end.
  const std::string_view condition = position_ > 0 ? etag_.view() : std::string_view();
  return {.url = url, .sas = sas, .first_byte = position_, .if_match = condition};
}

HeadVerdict Download::judge(const ResponseHead& head) noexcept {
  const int status = head.status;
  if (status == 206) return judge_part(head);
  if (status == 200) return judge_whole(head);
  // 412 answers If-Match, which only goes with stored bytes and their ETag; without it the server
  // is confused.
  if (status == 412 && position_ > 0 && !etag_.empty()) return drop();
  if (status == 403) return refuse(Next::Wait, Code::SasExpired);
  if (status == 404) return refuse(Next::Wait, Code::NotFound);
  // The object ends where we want to go on, so it is smaller than the offer says.
  if (status == 416) return refuse(Next::Wait, Code::BadOffer);
  if (status == 408 || status == 429 || status >= 500 || status < 300) {
    refuse(Next::Retry, Code::ServerError);
    if (head.retry_after && head.retry_after->count() > 0) {
      refused_.retry_after = std::min(*head.retry_after, kRetryAfterMax);
    }
    return HeadVerdict::Refuse;
  }
  // Other 4xx, and redirects, which are not followed: they would carry the token elsewhere.
  return refuse(Next::Wait, Code::HttpRefused);
}

HeadVerdict Download::judge_part(const ResponseHead& head) noexcept {
  if (!head.content_range) return refuse(Next::Retry, Code::ServerError);
  const ContentRange& range = *head.content_range;
  const bool another_object =
      position_ > 0 && !etag_.empty() && !head.etag.empty() && head.etag.view() != etag_.view();
  if (another_object) return drop();
  if (range.total != size_bytes_) return refuse(Next::Wait, Code::BadOffer);
  if (range.first != position_ || range.last < range.first || range.last >= range.total) {
    return refuse(Next::Retry, Code::ServerError);
  }
  body_end_ = static_cast<std::uint32_t>(range.last + 1);
  if (position_ == 0 || !head.etag.empty()) etag_ = head.etag;
  return HeadVerdict::Append;
}

HeadVerdict Download::judge_whole(const ResponseHead& head) noexcept {
  // The server ignores ranges. Only a body that announces exactly the image may cost the stored
  // bytes: a login page of some network in between also comes with 200.
  if (head.content_length != size_bytes_) return refuse(Next::Retry, Code::ServerError);
  const bool had_bytes = position_ > 0;
  body_end_ = size_bytes_;
  position_ = 0;
  etag_ = head.etag;
  return had_bytes ? HeadVerdict::Restart : HeadVerdict::Append;
}

HeadVerdict Download::drop() noexcept {
  position_ = 0;
  etag_.clear();
  refused_ = {.next = Next::AskAgain, .code = Code::None, .retry_after = std::nullopt};
  return HeadVerdict::Drop;
}

HeadVerdict Download::refuse(Next next, Code code) noexcept {
  refused_ = {.next = next, .code = code, .retry_after = std::nullopt};
  return HeadVerdict::Refuse;
}

Bytes Download::accept(Bytes received) noexcept {
  const std::uint32_t wanted = body_end_ > position_ ? body_end_ - position_ : 0;
  const std::size_t count = std::min<std::size_t>(received.size(), wanted);
  position_ += static_cast<std::uint32_t>(count);
  received_bytes_ += static_cast<std::uint32_t>(count);
  return received.first(count);
}

Ending Download::ending(TransferEnd end) const noexcept {
  if (complete()) return {.next = Next::Verify, .code = Code::None, .retry_after = std::nullopt};
  if (end == TransferEnd::Cancelled) {
    return {.next = Next::Cancel, .code = Code::None, .retry_after = std::nullopt};
  }
  if (refused_ != Ending{}) return refused_;
  Ending ending{.next = Next::Retry, .code = Code::NetworkUnreachable, .retry_after = std::nullopt};
  switch (end) {
    case TransferEnd::Complete:  // Short of the size: the connection ended early.
    case TransferEnd::Cancelled:
    case TransferEnd::Stopped:
    case TransferEnd::TimedOut:
    case TransferEnd::Unreachable:
    case TransferEnd::Failed:
      break;
    case TransferEnd::TlsUntrusted:
      ending.code = Code::TlsUntrusted;
      break;
    case TransferEnd::TlsNotYetValid:
      ending.code = Code::ClockUnset;
      break;
    case TransferEnd::InsecureUrl:
      ending.next = Next::Wait;
      ending.code = Code::InsecureUrl;
      break;
  }
  return ending;
}

}  // namespace ota::fetch
