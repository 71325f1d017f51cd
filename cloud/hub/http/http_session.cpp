#include "cloud/hub/http/http_session.hpp"

#include <algorithm>
#include <array>
#include <boost/beast/http/parser.hpp>
#include <charconv>
#include <limits>
#include <utility>

#include "cloud/hub/http/gathered_body.hpp"
#include "cloud/hub/http/http_date.hpp"

namespace ota::hub {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

/// Hands the decoded body to whoever takes it; chunked framing is gone by then.
struct Sink {
  Exchange* exchange = nullptr;  // null: swallow
  std::uint64_t size_bytes = 0;
  std::optional<Reply> refusal;
};

struct SinkBody {
  using value_type = Sink;
  class reader {
   public:
    template <bool IsRequest, class Fields>
    reader(http::header<IsRequest, Fields>&, value_type& sink) : sink_(sink) {}
    void init(const boost::optional<std::uint64_t>&, beast::error_code& code) { code = {}; }

    template <class Buffers>
    std::size_t put(const Buffers& buffers, beast::error_code& code) {
      code = {};
      std::size_t size = 0;
      for (auto it = boost::asio::buffer_sequence_begin(buffers);
           it != boost::asio::buffer_sequence_end(buffers); ++it) {
        const boost::asio::const_buffer piece = *it;
        size += piece.size();
        take(Bytes(static_cast<const std::byte*>(piece.data()), piece.size()));
      }
      return size;
    }
    void finish(beast::error_code& code) { code = {}; }

   private:
    void take(Bytes piece) {
      sink_.size_bytes += piece.size();
      if (sink_.exchange == nullptr || sink_.refusal) return;
      auto taken = sink_.exchange->take(piece);
      if (!taken) sink_.refusal = std::move(taken.error());
    }
    value_type& sink_;
  };
};

std::string_view reason_of(int status) {
  const auto reason = http::obsolete_reason(static_cast<http::status>(status));
  return {reason.data(), reason.size()};
}

/// A value with a line break would be read as further fields by the client.
std::string one_line(std::string_view value) {
  std::string out(value);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  return out;
}

bool has_no_body(int status) { return status == 204 || status == 304 || status < 200; }

std::string without_authority(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const std::size_t slash = target.find('/', scheme.size());
    return slash == std::string_view::npos ? "/" : std::string(target.substr(slash));
  }
  return std::string(target);
}

}  // namespace

struct HttpSession::Parsing {
  Parsing() {
    parser.header_limit(kHttpHeadBytesMax);
    // Each service knows its own limit. Beast 1.74 takes "none" for zero.
    parser.body_limit(std::numeric_limits<std::uint64_t>::max());
    parser.eager(false);
  }
  Sink& sink() { return parser.get().body(); }

  http::request_parser<SinkBody> parser;
};

HttpSession::HttpSession(HttpService& service, HttpPeer peer,
                         const std::function<std::int64_t()>& wall_clock, Instant now)
    : service_(service), peer_(std::move(peer)), wall_clock_(wall_clock), last_activity_(now) {}

HttpSession::~HttpSession() = default;

// ---- Bytes and time ----

void HttpSession::feed(Bytes received, Instant now) {
  last_activity_ = now;
  if (closing_) return;
  if (stage_ == Stage::Head && !head_started_) head_started_ = now;
  input_ += text_of(received);
  advance();
}

bool HttpSession::wants_input() const {
  if (closing_) return false;
  // Nothing is expected then, but only who reads learns that the client has gone.
  if (stage_ == Stage::Later || live_) return input_.size() < kHttpAheadBytesMax;
  return stage_ != Stage::Answer;
}

Bytes HttpSession::output() {
  if (stage_ == Stage::Later) take_later();
  if (live_ && output_.empty()) read_live();
  if (!output_.empty()) return output_.pending();
  if (chunk_begin_ == chunk_end_ && stream_left_ > 0) refill();
  return {chunk_.get() + chunk_begin_, chunk_end_ - chunk_begin_};
}

void HttpSession::sent(std::size_t size_bytes, Instant now) {
  last_activity_ = now;
  if (!output_.empty()) {
    output_.consume(size_bytes);
  } else {
    chunk_begin_ += size_bytes;
  }
  const bool all_sent =
      output_.empty() && chunk_begin_ == chunk_end_ && stream_left_ == 0 && !live_;
  if (stage_ != Stage::Answer || !all_sent) return;
  chunk_.reset();
  stream_.reset();
  if (closing_) return;
  if (switch_to_ && !stopping_) return hand_over(now);
  if (!keep_alive_ || stopping_)
    return end(stopping_ ? "the hub stops" : "the answer was the last one");
  next_request();
  if (!input_.empty()) head_started_ = now;
  advance();
}

void HttpSession::refill() {
  // Ranges are small: a whole chunk for each would be most of the work of answering it.
  if (!chunk_) {
    chunk_.reset(new std::byte[static_cast<std::size_t>(
        std::min<std::uint64_t>(kHttpChunkBytes, stream_left_))]);
  }
  chunk_begin_ = chunk_end_ = 0;
  const auto size = stream_->read({chunk_.get(), static_cast<std::size_t>(std::min<std::uint64_t>(
                                                     kHttpChunkBytes, stream_left_))});
  if (!size || size.value() == 0) {
    stream_left_ = 0;  // The client sees fewer bytes than announced, and so an error.
    return end(size ? "the answer's file ended early" : size.error());
  }
  chunk_end_ = size.value();
  stream_left_ -= size.value();
}

void HttpSession::hand_over(Instant now) {
  successor_ = switch_to_(now);
  if (!input_.empty()) successor_->feed(bytes_of(input_), now);
}

std::optional<Instant> HttpSession::deadline() const {
  if (closing_) return std::nullopt;
  if (stage_ == Stage::Later) return later_end_;
  if (live_ && output_.empty()) return last_activity_ + kHttpLiveSilence;
  const Instant idle = last_activity_ + kHttpIdleTimeout;
  return head_started_ ? std::min(idle, *head_started_ + kHttpHeadTimeout) : idle;
}

void HttpSession::tick(Instant now) {
  if (closing_) return;
  if (stage_ == Stage::Later) {
    if (now >= later_end_) refuse(504, "the answer did not come in time");
    return;
  }
  if (live_ && output_.empty()) {
    if (now >= last_activity_ + kHttpLiveSilence) append_live("\n");
    return;
  }
  if (now >= last_activity_ + kHttpIdleTimeout) return end("nothing happened for too long");
  if (head_started_ && now >= *head_started_ + kHttpHeadTimeout)
    refuse(408, "the request did not arrive in time");
}

void HttpSession::stop(Instant) {
  stopping_ = true;
  if (stage_ == Stage::Later) take_later();  // It may have been given in this very turn.
  if (stage_ == Stage::Later && !later_for_sure_) return refuse(503, "the hub stops");
  if (live_) end_live();
  if (stage_ == Stage::Head && input_.empty()) end("the hub stops");
}

void HttpSession::gone() {
  exchange_.reset();
  later_.reset();
  live_.reset();
}

void HttpSession::end(std::string_view reason) {
  if (closing_) return;
  closing_ = true;
  close_reason_ = reason;
  exchange_.reset();
  later_.reset();
  live_.reset();
  wake();
}

// ---- Requests ----

void HttpSession::advance() {
  while (!closing_ && stage_ != Stage::Answer && stage_ != Stage::Later) {
    const bool moved = stage_ == Stage::Head ? advance_head() : advance_body();
    if (!moved) return;
  }
}

bool HttpSession::advance_head() {
  if (input_.empty()) return false;
  if (!parsing_) parsing_ = std::make_unique<Parsing>();
  beast::error_code code;
  const std::size_t used = parsing_->parser.put(boost::asio::buffer(input_), code);
  input_.erase(0, used);
  if (code == http::error::header_limit) {
    refuse(431, "the request's header fields are larger than 32 KiB");
    return true;
  }
  if (code && code != http::error::need_more) {
    refuse(400, "not a valid HTTP request: " + code.message());
    return true;
  }
  if (!parsing_->parser.is_header_done()) return false;
  head_started_.reset();
  begin_request();
  return true;
}

void HttpSession::begin_request() {
  auto& parser = parsing_->parser;
  const auto& message = parser.get();
  RequestHead head;
  head.method = std::string(message.method_string());
  const auto sent_target = message.target();
  const std::string target = without_authority({sent_target.data(), sent_target.size()});
  const std::size_t question = target.find('?');
  head.path = target.substr(0, question);
  if (question != std::string::npos) head.query = target.substr(question + 1);
  for (const auto& field : message)
    head.headers.add(std::string(field.name_string()), std::string(field.value()));
  head.peer_address = peer_.address;
  head.peer_certificate = peer_.certificate;
  head.http_version = message.version();
  if (const auto length = parser.content_length()) head.content_length = *length;

  route_ = service_.route_of(head.path);
  is_head_request_ = head.method == "HEAD";
  keep_alive_ = parser.keep_alive();
  live_framing_ = message.version() >= 11 ? Framing::Chunks : Framing::None;
  const auto expect = head.headers.find("Expect");
  const bool waits_for_continue = expect && equal_ignoring_case(*expect, "100-continue");
  const auto length = head.content_length;
  const bool has_body = parser.chunked() || length.value_or(0) > 0;

  Begun begun = service_.begin(std::move(head));
  if (auto* reply = std::get_if<Reply>(&begun)) {
    const bool swallow =
        has_body && !waits_for_continue && length && *length <= kHttpSwallowBytesMax;
    if (has_body && !swallow) keep_alive_ = false;
    if (!swallow) return answer(std::move(*reply));
    pending_reply_ = std::move(*reply);
    stage_ = Stage::Swallow;
  } else {
    exchange_ = std::move(std::get<std::unique_ptr<Exchange>>(begun));
    parsing_->sink().exchange = exchange_.get();
    if (waits_for_continue && has_body && input_.empty())
      output_.append("HTTP/1.1 100 Continue\r\n\r\n");
    stage_ = Stage::Body;
  }
  parser.eager(true);
}

bool HttpSession::advance_body() {
  auto& parser = parsing_->parser;
  if (!parser.is_done()) {
    if (input_.empty()) return false;
    beast::error_code code;
    const std::size_t used = parser.put(boost::asio::buffer(input_), code);
    input_.erase(0, used);
    if (auto& refusal = parsing_->sink().refusal) {
      keep_alive_ = keep_alive_ && parser.is_done();
      answer(std::move(*refusal));
      return true;
    }
    if (code && code != http::error::need_more) {
      refuse(400, "not a valid HTTP body: " + code.message());
      return true;
    }
    if (!parser.is_done()) return used > 0 && !input_.empty();
  }
  if (pending_reply_) {
    answer(std::move(*pending_reply_));
  } else {
    answer(exchange_->finish());
  }
  return true;
}

void HttpSession::refuse(int status, std::string_view why) {
  keep_alive_ = false;
  head_started_.reset();
  Reply reply;
  reply.status = status;
  reply.headers.add("Content-Type", "text/plain; charset=utf-8");
  reply.body = std::string(why) + "\n";
  answer(std::move(reply));
}

void HttpSession::next_request() {
  stage_ = Stage::Head;
  parsing_.reset();
  route_ = 0;
  is_head_request_ = false;
}

// ---- Answers ----

void HttpSession::answer(Reply reply) {
  stage_ = Stage::Answer;
  pending_reply_.reset();
  if (parsing_) parsing_->sink().exchange = nullptr;
  exchange_.reset();
  if (stopping_) keep_alive_ = false;
  if (reply.later) return await(std::move(reply));
  later_.reset();
  if (reply.switch_to && stopping_) return refuse(503, "the hub stops");
  switch_to_ = std::move(reply.switch_to);
  note(reply);

  std::string head = "HTTP/1.1 " + std::to_string(reply.status) + " " +
                     std::string(reason_of(reply.status)) + "\r\n";
  for (const auto& [name, value] : reply.headers.all())
    head += name + ": " + one_line(value) + "\r\n";
  if (reply.live) {
    if (live_framing_ == Framing::None) keep_alive_ = false;
    if (live_framing_ == Framing::Chunks) head += "Transfer-Encoding: chunked\r\n";
  } else if (!has_no_body(reply.status) && !reply.headers.find("Content-Length")) {
    const std::uint64_t size = reply.stream ? reply.stream->size() : reply.body.size();
    head += "Content-Length: " + std::to_string(size) + "\r\n";
  }
  head += "Date: " + to_http_date(wall_clock_()) + "\r\n";
  if (!keep_alive_) head += "Connection: close\r\n";
  output_.append(head + "\r\n");
  if (!is_head_request_ && !has_no_body(reply.status)) start_body(std::move(reply));
}

void HttpSession::note(const Reply& reply) {
  const std::uint64_t size = reply.stream ? reply.stream->size() : reply.body.size();
  service_.answered({.route = route_,
                     .status = reply.status,
                     .bytes_in = parsing_ ? parsing_->sink().size_bytes : 0,
                     .bytes_out = is_head_request_ ? 0 : size});
}

void HttpSession::start_body(Reply reply) {
  if (reply.stream) {
    stream_left_ = reply.stream->size();
    stream_ = std::move(reply.stream);
  } else if (reply.live) {
    live_ = std::move(reply.live);
    live_->on_more([this] { wake(); });
  } else {
    output_.append(reply.body);
  }
}

void HttpSession::await(Reply reply) {
  stage_ = Stage::Later;
  later_ = std::move(reply.later);
  later_for_sure_ = reply.later_for_sure;
  later_end_ = last_activity_ + kHttpLaterTimeout;
  // The answer is given from within another connection's work, so it is only noticed there.
  later_->on_given([this] { wake(); });
}

void HttpSession::take_later() {
  if (auto response = later_->take()) answer(to_reply(std::move(*response)));
}

void HttpSession::read_live() {
  const std::string piece = live_->read(kHttpChunkBytes);
  if (!piece.empty()) append_live(piece);
}

void HttpSession::append_live(std::string_view piece) {
  if (live_framing_ == Framing::None) return output_.append(piece);
  std::array<char, 20> size{};
  const auto end = std::to_chars(size.data(), size.data() + size.size(), piece.size(), 16).ptr;
  output_.append(std::string(size.data(), end) + "\r\n");
  output_.append(piece);
  output_.append("\r\n");
}

void HttpSession::end_live() {
  live_.reset();
  if (live_framing_ == Framing::Chunks) output_.append("0\r\n\r\n");
  keep_alive_ = false;
}

}  // namespace ota::hub
