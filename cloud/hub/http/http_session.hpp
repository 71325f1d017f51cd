#pragma once

// HTTP/1.1, server side, without sockets: keep-alive, pipelining (answers in order), chunked
// requests, Expect: 100-continue, answers that come later and bodies that grow.

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "cloud/hub/http/exchange.hpp"
#include "cloud/hub/stream/byte_protocol.hpp"
#include "cloud/hub/stream/output_buffer.hpp"

namespace ota::hub {

inline constexpr std::size_t kHttpHeadBytesMax = 32 * 1024;
inline constexpr std::size_t kHttpChunkBytes = 256 * 1024;   // of a streamed answer, per connection
inline constexpr std::chrono::seconds kHttpHeadTimeout{30};  // from the first byte of a request
inline constexpr std::chrono::seconds kHttpIdleTimeout{120};
inline constexpr std::chrono::seconds kHttpLaterTimeout{660};  // methods may take ten minutes
inline constexpr std::chrono::seconds kHttpLiveSilence{30};   // then a live body says an empty line
inline constexpr std::size_t kHttpAheadBytesMax = 64 * 1024;  // read while an answer is awaited
inline constexpr std::uint64_t kHttpSwallowBytesMax =
    64 * 1024;  // an unwanted body up to here costs less than a new connection

class HttpSession final : public ByteProtocol {
 public:
  /// `service` outlives the session; `wall_clock` gives Unix seconds for the Date field.
  HttpSession(HttpService& service, HttpPeer peer, const std::function<std::int64_t()>& wall_clock,
              Instant now);
  ~HttpSession() override;

  void feed(Bytes received, Instant now) override;
  bool wants_input() const override;
  Bytes output() override;
  void sent(std::size_t size_bytes, Instant now) override;
  std::optional<Instant> deadline() const override;
  void tick(Instant now) override;
  void stop(Instant now) override;
  bool closing() const override { return closing_; }
  std::string_view close_reason() const override { return close_reason_; }
  void gone() override;
  std::unique_ptr<ByteProtocol> successor() override { return std::move(successor_); }

 private:
  struct Parsing;  // hides Beast
  enum class Stage : std::uint8_t { Head, Body, Swallow, Later, Answer };

  void advance();
  bool advance_head();
  void begin_request();
  bool advance_body();
  void answer(Reply reply);
  void await(Reply reply);
  void take_later();
  void note(const Reply& reply);
  void start_body(Reply reply);
  void read_live();
  void append_live(std::string_view piece);
  void end_live();
  void refuse(int status, std::string_view why);
  void next_request();
  void refill();
  void hand_over(Instant now);
  void end(std::string_view reason);

  HttpService& service_;
  HttpPeer peer_;
  const std::function<std::int64_t()>& wall_clock_;
  std::unique_ptr<Parsing> parsing_;
  std::string input_;
  Stage stage_ = Stage::Head;
  std::unique_ptr<Exchange> exchange_;
  std::optional<Reply> pending_reply_;  // known already, while the rest of the body is swallowed

  OutputBuffer output_;
  std::unique_ptr<BodySource> stream_;
  std::uint64_t stream_left_ = 0;
  std::unique_ptr<std::byte[]> chunk_;
  std::size_t chunk_begin_ = 0;
  std::size_t chunk_end_ = 0;

  std::shared_ptr<LaterAnswer> later_;
  Instant later_end_;
  bool later_for_sure_ = false;
  std::shared_ptr<LiveBody> live_;
  enum class Framing : std::uint8_t { Chunks, None } live_framing_ = Framing::Chunks;

  std::function<std::unique_ptr<ByteProtocol>(Instant)> switch_to_;
  std::unique_ptr<ByteProtocol> successor_;

  std::uint8_t route_ = 0;
  bool is_head_request_ = false;
  bool keep_alive_ = true;
  bool stopping_ = false;
  bool closing_ = false;
  std::string close_reason_;
  Instant last_activity_;
  std::optional<Instant> head_started_;
};

}  // namespace ota::hub
