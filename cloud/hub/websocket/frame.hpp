#pragma once

// WebSocket frames (RFC 6455, section 5), server side: reads the masked frames of a client in any
// pieces, writes those of a server. Only binary messages carry data (MQTT 3.1.1, section 6), and it
// is handed over as it comes: a message never lies here as a whole.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace ota::hub::websocket {

inline constexpr std::size_t kControlBytesMax = 125;
inline constexpr std::uint64_t kMessageBytesMax = 1024 * 1024;  // over all fragments

enum class Opcode : std::uint8_t {
  Continuation = 0,
  Text = 1,
  Binary = 2,
  Close = 8,
  Ping = 9,
  Pong = 10,
};

/// Section 7.4.1. A client may send others; they are sent back as they are.
enum class CloseCode : std::uint16_t {
  Normal = 1000,
  GoingAway = 1001,
  ProtocolError = 1002,
  UnsupportedData = 1003,
  MessageTooBig = 1009,
};

/// Nothing is read after it: the client has closed, or has broken a rule.
struct End {
  CloseCode answer = CloseCode::Normal;  // for our own close frame
  std::string_view why;                  // a fixed text
};

struct Received {
  std::string data;                 // of binary messages, in order
  std::optional<std::string> ping;  // the last one; earlier ones need no answer (section 5.5.3)
  std::optional<End> end;           // after the data
};

class FrameReader {
 public:
  Received read(Bytes bytes);

 private:
  void read_header(Bytes& bytes, Received& out);
  std::size_t header_bytes() const;
  std::optional<End> check_start() const;
  std::optional<End> begin_frame();
  void read_payload(Bytes& bytes, Received& out);
  void end_frame(Received& out);
  std::optional<End> close_received() const;
  Opcode opcode() const;
  bool is_control() const;

  std::array<std::uint8_t, 14> header_{};
  std::size_t header_size_ = 0;
  bool in_payload_ = false;
  std::uint64_t payload_left_ = 0;
  std::array<std::uint8_t, 4> mask_{};
  std::size_t mask_at_ = 0;
  std::string control_;        // payload of a control frame
  bool message_open_ = false;  // a fragment with more to come has been seen
  std::uint64_t message_bytes_ = 0;
  bool ended_ = false;
};

/// What stands before `payload_bytes` bytes of a frame that is a whole message.
std::string frame_head(Opcode opcode, std::size_t payload_bytes);

std::string close_frame(CloseCode code);

}  // namespace ota::hub::websocket
