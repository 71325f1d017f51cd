// A server's answers to the range requests of one download. Properties: a request asks for what is
// missing, no byte beyond the image or of a refused answer is taken, an answer is appended only
// where the stored bytes end, and "verify" follows only when every byte is there.
//
// Input: a line "SIZE STORED ETAG", then answers, separated by a line "--": a status line, header
// lines, an empty line, the body.

#include <algorithm>
#include <cstdint>
#include <string>

#include "base/bytes.hpp"
#include "device/core/fetch/download.hpp"
#include "device/host/net/http_fields.hpp"
#include "fuzz/require.hpp"
#include "fuzz/script.hpp"

namespace {

using namespace ota;
using fuzz::require;

constexpr std::int64_t kUnixNow = 1'800'000'000;

struct Answer {
  fetch::ResponseHead head;
  Bytes body;
};

Answer read_answer(std::string_view text) {
  Answer answer;
  answer.head.status = net::parse_status_line(fuzz::take_until(text, "\n")).value_or(0);
  while (!text.empty()) {
    const std::string_view line = fuzz::take_until(text, "\n");
    if (line.empty()) break;
    const auto field = net::parse_header_line(line);
    if (!field) continue;
    if (net::names_equal(field->name, "content-range"))
      answer.head.content_range = net::parse_content_range(field->value);
    if (net::names_equal(field->name, "content-length"))
      answer.head.content_length = net::parse_content_length(field->value);
    if (net::names_equal(field->name, "retry-after"))
      answer.head.retry_after = net::parse_retry_after(field->value, kUnixNow);
    if (net::names_equal(field->name, "etag") && !answer.head.etag.assign(field->value))
      answer.head.etag.clear();
  }
  answer.body = bytes_of(text);
  return answer;
}

/// The bytes on the flash, as a number.
struct Stored {
  std::uint32_t size_bytes = 0;
  std::uint32_t bytes = 0;
  std::string etag;

  void take(const Answer& answer) {
    fetch::Download download(size_bytes, bytes, etag);
    const fetch::Request request = download.request("https://a/b", "sig=x");
    require(request.first_byte == bytes && (request.if_match.empty() || bytes > 0));
    const fetch::HeadVerdict verdict = download.judge(answer.head);
    if (verdict == fetch::HeadVerdict::Append) require(download.position() == bytes);
    if (verdict == fetch::HeadVerdict::Drop || verdict == fetch::HeadVerdict::Restart) bytes = 0;
    std::uint32_t taken = 0;
    for (std::size_t at = 0; at < answer.body.size(); at += 7) {
      const Bytes piece =
          answer.body.subspan(at, std::min<std::size_t>(7, answer.body.size() - at));
      const Bytes part = download.accept(piece);
      require(part.size() <= piece.size() && (part.empty() || part.data() == piece.data()));
      taken += static_cast<std::uint32_t>(part.size());
    }
    if (verdict == fetch::HeadVerdict::Drop || verdict == fetch::HeadVerdict::Refuse)
      require(taken == 0);
    if (taken > 0 && answer.head.status == 206)
      require(taken <= answer.head.content_range->last - answer.head.content_range->first + 1);
    bytes += taken;
    require(bytes == download.position() && bytes <= size_bytes);
    require(taken == download.received_bytes());
    check(download, verdict);
    etag = download.etag();
  }

  void check(const fetch::Download& download, fetch::HeadVerdict verdict) const {
    const bool stopped =
        verdict == fetch::HeadVerdict::Drop || verdict == fetch::HeadVerdict::Refuse;
    const fetch::Ending ending =
        download.ending(stopped ? fetch::TransferEnd::Stopped : fetch::TransferEnd::Complete);
    require((ending.next == fetch::Next::Verify) == (bytes == size_bytes));
    if (ending.retry_after)
      require(ending.retry_after->count() > 0 && *ending.retry_after <= fetch::kRetryAfterMax);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = text_of(std::as_bytes(std::span(data, size)));
  std::string_view begin = fuzz::take_until(text, "\n");
  Stored stored;
  stored.size_bytes = std::max(1U, fuzz::number_of(fuzz::take_until(begin, " ")));
  stored.bytes = std::min(fuzz::number_of(fuzz::take_until(begin, " ")), stored.size_bytes - 1);
  stored.etag = begin.substr(0, 64);
  for (int answers = 0; answers < 16 && !text.empty(); ++answers) {
    if (stored.bytes == stored.size_bytes) break;  // then nothing is asked
    stored.take(read_answer(fuzz::take_until(text, "\n--\n")));
  }
  return 0;
}
