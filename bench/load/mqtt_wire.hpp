#pragma once

// The MQTT 3.1.1 packets of a load generator's client. Written apart from the hub's own reader and
// writer: one mistake on both sides would not show. Source: OASIS "MQTT Version 3.1.1".

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ota::bench {

struct Packet {
  unsigned type = 0;           // 2 CONNACK, 3 PUBLISH, 4 PUBACK, 9 SUBACK
  unsigned qos = 0;            // of a PUBLISH
  std::string_view topic;      // of a PUBLISH
  std::string_view rest;       // payload of a PUBLISH; body of any other packet
  std::size_t size_bytes = 0;  // with the fixed header
};

/// The first packet in `bytes`, as views into it; nothing yet if it is incomplete.
std::optional<Packet> first_packet(std::string_view bytes);

struct ClientIdentity {
  std::string_view client_id;
  std::string_view user_name;  // empty: an anonymous client
  std::string_view password;
};

std::string connect_packet(const ClientIdentity& identity);
/// All with QoS 0.
std::string subscribe_packet(const std::vector<std::string>& filters);
/// packet_id 0: QoS 0, otherwise QoS 1.
std::string publish_packet(std::string_view topic, std::string_view payload,
                           std::uint16_t packet_id);

}  // namespace ota::bench
