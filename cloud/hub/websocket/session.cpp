#include "cloud/hub/websocket/session.hpp"

#include <algorithm>
#include <utility>

namespace ota::hub::websocket {

Session::Session(std::unique_ptr<ByteProtocol> inner, Instant now)
    : inner_(std::move(inner)), now_(now) {
  inner_->on_wake([this] { wake(); });
}

void Session::feed(Bytes received, Instant now) {
  now_ = now;
  if (end_) return;
  Received arrived = reader_.read(received);
  if (!arrived.data.empty() && !inner_->closing()) inner_->feed(bytes_of(arrived.data), now);
  if (arrived.ping) pong_ = std::move(arrived.ping);
  end_ = arrived.end;
}

Bytes Session::output() {
  if (framed_.empty()) frame_next();
  return framed_.pending();
}

/// Frames are made one by one as the client takes them, so that the inner protocol keeps the
/// account of what is unsent.
void Session::frame_next() {
  if (pong_) {
    framed_.append(frame_head(Opcode::Pong, pong_->size()));
    framed_.append(*pong_);
    pong_.reset();
  }
  if (const Bytes output = inner_->output(); !output.empty()) {
    const Bytes payload = output.first(std::min(output.size(), kFramePayloadBytes));
    framed_.append(frame_head(Opcode::Binary, payload.size()));
    framed_.append(text_of(payload));
    inner_->sent(payload.size(), now_);
    return;
  }
  if (!closing() || std::exchange(close_sent_, true)) return;
  const CloseCode code = stopping_ ? CloseCode::GoingAway : CloseCode::Normal;
  framed_.append(close_frame(end_ ? end_->answer : code));
}

void Session::sent(std::size_t size_bytes, Instant now) {
  now_ = now;
  framed_.consume(size_bytes);
}

std::optional<Instant> Session::deadline() const {
  return end_ ? std::nullopt : inner_->deadline();
}

void Session::tick(Instant now) {
  now_ = now;
  if (!end_) inner_->tick(now);
}

void Session::stop(Instant now) {
  now_ = now;
  stopping_ = true;
  inner_->stop(now);
}

std::string_view Session::close_reason() const {
  return inner_->closing() ? inner_->close_reason() : end_ ? end_->why : std::string_view();
}

}  // namespace ota::hub::websocket
