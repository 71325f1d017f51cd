#include "bench/load/mqtt_wire.hpp"

namespace ota::bench {
namespace {

// Longer than any measurement, so that no PINGREQ disturbs it.
constexpr unsigned kKeepAliveS = 1170;

unsigned byte_at(std::string_view bytes, std::size_t index) {
  return static_cast<unsigned char>(bytes[index]);
}

void add_byte(std::string& out, unsigned value) { out += static_cast<char>(value & 0xFFU); }

void add_u16(std::string& out, unsigned value) {
  add_byte(out, value >> 8U);
  add_byte(out, value);
}

void add_field(std::string& out, std::string_view text) {
  add_u16(out, static_cast<unsigned>(text.size()));
  out += text;
}

std::string packet_of(unsigned first_byte, std::string_view body) {
  std::string out;
  add_byte(out, first_byte);
  std::size_t length = body.size();
  while (length >= 0x80) {
    add_byte(out, static_cast<unsigned>(length & 0x7FU) | 0x80U);
    length >>= 7U;
  }
  add_byte(out, static_cast<unsigned>(length));
  return out += body;
}

}  // namespace

std::optional<Packet> first_packet(std::string_view bytes) {
  std::size_t length = 0;
  std::size_t at = 1;
  for (unsigned shift = 0;; shift += 7, ++at) {
    if (at >= bytes.size() || shift > 21) return std::nullopt;
    length |= static_cast<std::size_t>(byte_at(bytes, at) & 0x7FU) << shift;
    if ((byte_at(bytes, at) & 0x80U) == 0) break;
  }
  ++at;
  if (bytes.size() < at + length) return std::nullopt;
  Packet packet{.type = byte_at(bytes, 0) >> 4U,
                .qos = (byte_at(bytes, 0) >> 1U) & 3U,
                .topic = {},
                .rest = bytes.substr(at, length),
                .size_bytes = at + length};
  if (packet.type != 3 || length < 2) return packet;
  const std::size_t topic_size = (byte_at(packet.rest, 0) << 8U) | byte_at(packet.rest, 1);
  const std::size_t head = 2 + topic_size + (packet.qos > 0 ? 2 : 0);
  if (head > length) return packet;
  packet.topic = packet.rest.substr(2, topic_size);
  packet.rest.remove_prefix(head);
  return packet;
}

std::string connect_packet(const ClientIdentity& identity) {
  std::string body;
  add_field(body, "MQTT");
  add_byte(body, 4);
  add_byte(body, identity.user_name.empty() ? 0x02U : 0xC2U);  // clean session
  add_u16(body, kKeepAliveS);
  add_field(body, identity.client_id);
  if (!identity.user_name.empty()) {
    add_field(body, identity.user_name);
    add_field(body, identity.password);
  }
  return packet_of(0x10, body);
}

std::string subscribe_packet(const std::vector<std::string>& filters) {
  std::string body;
  add_u16(body, 1);
  for (const std::string& filter : filters) {
    add_field(body, filter);
    add_byte(body, 0);
  }
  return packet_of(0x82, body);
}

std::string publish_packet(std::string_view topic, std::string_view payload,
                           std::uint16_t packet_id) {
  std::string body;
  add_field(body, topic);
  if (packet_id != 0) add_u16(body, packet_id);
  return packet_of(packet_id == 0 ? 0x30U : 0x32U, body.append(payload));
}

}  // namespace ota::bench
