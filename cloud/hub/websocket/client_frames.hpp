#pragma once

// What a WebSocket client sends, for tests.

#include <string>
#include <string_view>

#include "cloud/hub/websocket/frame.hpp"

namespace ota::hub::websocket::client {

struct FrameOptions {
  bool final = true;
  bool masked = true;
  unsigned reserved = 0;  // the three bits after the first one
};

inline std::string frame(unsigned opcode, std::string_view payload, FrameOptions options = {}) {
  std::string out = frame_head(static_cast<Opcode>(opcode), payload.size());
  out[0] = static_cast<char>((options.final ? 0x80U : 0U) | options.reserved << 4U | opcode);
  if (!options.masked) return out += payload;
  out[1] = static_cast<char>(static_cast<unsigned char>(out[1]) | 0x80U);
  const std::string_view key = "\x11\xA2\x33\xC4";
  out += key;
  for (std::size_t i = 0; i < payload.size(); ++i)
    out += static_cast<char>(static_cast<unsigned char>(payload[i]) ^
                             static_cast<unsigned char>(key[i % key.size()]));
  return out;
}

inline std::string binary(std::string_view payload) { return frame(2, payload); }

inline std::string close(unsigned code) {
  return frame(8, std::string{static_cast<char>(code >> 8U), static_cast<char>(code & 0xFFU)});
}

}  // namespace ota::hub::websocket::client
