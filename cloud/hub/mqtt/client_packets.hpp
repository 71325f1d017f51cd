#pragma once

// What an MQTT client sends, for tests.

#include <string>
#include <string_view>

namespace ota::hub::mqtt::client {

inline std::string field(std::string_view text) {
  return std::string{static_cast<char>(text.size() >> 8U), static_cast<char>(text.size() & 0xFFU)} +
         std::string(text);
}

inline std::string packet(unsigned first_byte, std::string_view body) {
  std::string out(1, static_cast<char>(first_byte));
  std::size_t length = body.size();
  do {
    const std::size_t digit = length % 128;
    length /= 128;
    out += static_cast<char>(length > 0 ? digit | 0x80U : digit);
  } while (length > 0);
  return out += body;
}

struct ConnectOptions {
  std::string_view protocol = "MQTT";
  unsigned level = 4;
  std::string_view client_id = "dev-1";
  std::string_view user_name = "hub.local/dev-1/?api-version=2021-04-12";
  std::string_view password = "good";
  unsigned keep_alive_s = 60;
  bool clean = true;
  std::string_view will_topic = {};
  unsigned will_qos = 0;
};

inline std::string connect(const ConnectOptions& o = {}) {
  unsigned flags = 0x80U | 0x40U | (o.clean ? 0x02U : 0U);
  if (!o.will_topic.empty()) flags |= 0x04U | (o.will_qos << 3U);
  std::string body = field(o.protocol);
  body += static_cast<char>(o.level);
  body += static_cast<char>(flags);
  body += static_cast<char>(o.keep_alive_s >> 8U);
  body += static_cast<char>(o.keep_alive_s & 0xFFU);
  body += field(o.client_id);
  if (!o.will_topic.empty()) body += field(o.will_topic) + field("last words");
  return packet(0x10, body + field(o.user_name) + field(o.password));
}

inline std::string publish(std::string_view topic, std::string_view payload, unsigned qos = 0,
                           bool retain = false) {
  std::string body = field(topic);
  if (qos > 0) body += std::string("\x00\x07", 2);
  return packet(0x30U | (qos << 1U) | (retain ? 1U : 0U), body + std::string(payload));
}

inline std::string subscribe(std::string_view filter, unsigned qos = 0) {
  return packet(0x82, std::string("\x00\x05", 2) + field(filter) + static_cast<char>(qos));
}

inline std::string unsubscribe(std::string_view filter) {
  return packet(0xA2, std::string("\x00\x06", 2) + field(filter));
}

inline std::string puback(unsigned packet_id) {
  return packet(
      0x40, std::string{static_cast<char>(packet_id >> 8U), static_cast<char>(packet_id & 0xFFU)});
}

inline std::string pingreq() { return packet(0xC0, ""); }
inline std::string disconnect() { return packet(0xE0, ""); }

}  // namespace ota::hub::mqtt::client
