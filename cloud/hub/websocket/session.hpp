#pragma once

// Another protocol inside a WebSocket (RFC 6455): unwraps what the client sends, wraps what the
// inner protocol answers. Deadlines are the inner protocol's; a WebSocket ping is answered but is
// no sign of life to it.

#include <memory>
#include <optional>
#include <string>

#include "cloud/hub/stream/byte_protocol.hpp"
#include "cloud/hub/stream/output_buffer.hpp"
#include "cloud/hub/websocket/frame.hpp"

namespace ota::hub::websocket {

inline constexpr std::size_t kFramePayloadBytes = 16 * 1024;  // of what is sent; one TLS record

class Session final : public ByteProtocol {
 public:
  Session(std::unique_ptr<ByteProtocol> inner, Instant now);

  void feed(Bytes received, Instant now) override;
  bool wants_input() const override { return !end_ && inner_->wants_input(); }
  Bytes output() override;
  void sent(std::size_t size_bytes, Instant now) override;
  std::optional<Instant> deadline() const override;
  void tick(Instant now) override;
  void stop(Instant now) override;
  bool closing() const override { return end_ || inner_->closing(); }
  std::string_view close_reason() const override;
  void gone() override { inner_->gone(); }

 private:
  void frame_next();

  std::unique_ptr<ByteProtocol> inner_;
  FrameReader reader_;
  OutputBuffer framed_;  // one frame at most, and what answers the client's control frames
  std::optional<std::string> pong_;  // owed to the client
  std::optional<End> end_;
  bool close_sent_ = false;
  bool stopping_ = false;
  Instant now_;
};

}  // namespace ota::hub::websocket
