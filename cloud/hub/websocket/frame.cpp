#include "cloud/hub/websocket/frame.hpp"

#include <algorithm>

namespace ota::hub::websocket {
namespace {

constexpr std::uint8_t kFinal = 0x80;
constexpr std::uint8_t kReserved = 0x70;
constexpr std::uint8_t kOpcodeBits = 0x0F;
constexpr std::uint8_t kMasked = 0x80;
constexpr std::uint8_t kLengthBits = 0x7F;
constexpr std::uint8_t kLength16 = 126;
constexpr std::uint8_t kLength64 = 127;

End broken(std::string_view why) { return {CloseCode::ProtocolError, why}; }

/// Codes that may stand in a close frame (section 7.4).
bool may_be_sent(unsigned code) {
  const bool defined = code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
  return defined || (code >= 3000 && code <= 4999);
}

}  // namespace

Opcode FrameReader::opcode() const { return static_cast<Opcode>(header_[0] & kOpcodeBits); }

bool FrameReader::is_control() const { return (header_[0] & 0x08U) != 0; }

Received FrameReader::read(Bytes bytes) {
  Received out;
  while (!bytes.empty() && !ended_) {
    if (in_payload_) {
      read_payload(bytes, out);
    } else {
      read_header(bytes, out);
    }
    ended_ = out.end.has_value();
  }
  return out;
}

std::size_t FrameReader::header_bytes() const {
  if (header_size_ < 2) return 2;
  const unsigned length = header_[1] & kLengthBits;
  const std::size_t extended = length == kLength64 ? 8 : length == kLength16 ? 2 : 0;
  return 2 + extended + mask_.size();
}

void FrameReader::read_header(Bytes& bytes, Received& out) {
  header_[header_size_++] = static_cast<std::uint8_t>(bytes.front());
  bytes = bytes.subspan(1);
  if (header_size_ == 2) out.end = check_start();
  if (out.end || header_size_ < header_bytes()) return;
  out.end = begin_frame();
  if (!out.end && payload_left_ == 0) end_frame(out);
}

std::optional<End> FrameReader::check_start() const {
  if ((header_[0] & kReserved) != 0) return broken("a WebSocket extension that was not agreed on");
  if ((header_[1] & kMasked) == 0) return broken("a WebSocket frame without a mask");
  switch (opcode()) {
    case Opcode::Continuation:
      if (!message_open_) return broken("a WebSocket fragment without a beginning");
      return std::nullopt;
    case Opcode::Text:
      return End{CloseCode::UnsupportedData, "a WebSocket text frame; MQTT needs binary ones"};
    case Opcode::Binary:
      if (message_open_) return broken("a WebSocket message within another");
      return std::nullopt;
    case Opcode::Close:
    case Opcode::Ping:
    case Opcode::Pong:
      if ((header_[0] & kFinal) == 0) return broken("a WebSocket control frame in fragments");
      if ((header_[1] & kLengthBits) > kControlBytesMax)
        return broken("a WebSocket control frame of more than 125 bytes");
      return std::nullopt;
  }
  return broken("a WebSocket frame of an unknown kind");
}

std::optional<End> FrameReader::begin_frame() {
  const std::size_t mask_begin = header_size_ - mask_.size();
  std::uint64_t length = header_[1] & kLengthBits;
  if (mask_begin > 2) {
    const std::uint64_t shortest = length == kLength16 ? kLength16 : 0x10000;
    length = 0;
    for (std::size_t i = 2; i < mask_begin; ++i) length = length << 8U | header_[i];
    if (length < shortest) return broken("a WebSocket length that is not written the short way");
  }
  if (!is_control()) {
    if (length > kMessageBytesMax - message_bytes_)
      return End{CloseCode::MessageTooBig, "a WebSocket message of more than 1 MiB"};
    message_bytes_ += length;
  }
  std::copy_n(header_.begin() + static_cast<std::ptrdiff_t>(mask_begin), mask_.size(),
              mask_.begin());
  mask_at_ = 0;
  payload_left_ = length;
  in_payload_ = true;
  return std::nullopt;
}

void FrameReader::read_payload(Bytes& bytes, Received& out) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(payload_left_, bytes.size()));
  std::string& target = is_control() ? control_ : out.data;
  target.reserve(target.size() + size);
  for (const std::byte byte : bytes.first(size)) {
    target += static_cast<char>(static_cast<std::uint8_t>(byte) ^ mask_[mask_at_]);
    mask_at_ = (mask_at_ + 1) % mask_.size();
  }
  bytes = bytes.subspan(size);
  payload_left_ -= size;
  if (payload_left_ == 0) end_frame(out);
}

void FrameReader::end_frame(Received& out) {
  in_payload_ = false;
  header_size_ = 0;
  if (!is_control()) {
    message_open_ = (header_[0] & kFinal) == 0;
    if (!message_open_) message_bytes_ = 0;
    return;
  }
  if (opcode() == Opcode::Ping) out.ping = control_;
  if (opcode() == Opcode::Close) out.end = close_received();
  std::string().swap(control_);
}

std::optional<End> FrameReader::close_received() const {
  if (control_.empty()) return End{CloseCode::Normal, "the client has closed the WebSocket"};
  if (control_.size() < 2) return broken("a WebSocket close frame with half a code");
  const unsigned code = static_cast<unsigned>(static_cast<std::uint8_t>(control_[0])) << 8U |
                        static_cast<std::uint8_t>(control_[1]);
  if (!may_be_sent(code)) return broken("a WebSocket close frame with a code that is not allowed");
  return End{static_cast<CloseCode>(code), "the client has closed the WebSocket"};
}

std::string frame_head(Opcode opcode, std::size_t payload_bytes) {
  std::string head(1, static_cast<char>(kFinal | static_cast<unsigned>(opcode)));
  const auto append = [&head, payload_bytes](unsigned bytes) {
    for (unsigned i = bytes; i-- > 0;)
      head += static_cast<char>(static_cast<std::uint64_t>(payload_bytes) >> (8U * i) & 0xFFU);
  };
  if (payload_bytes < kLength16) {
    head += static_cast<char>(payload_bytes);
  } else if (payload_bytes <= 0xFFFF) {
    head += static_cast<char>(kLength16);
    append(2);
  } else {
    head += static_cast<char>(kLength64);
    append(8);
  }
  return head;
}

std::string close_frame(CloseCode code) {
  const auto number = static_cast<unsigned>(code);
  return frame_head(Opcode::Close, 2) +
         std::string{static_cast<char>(number >> 8U), static_cast<char>(number & 0xFFU)};
}

}  // namespace ota::hub::websocket
