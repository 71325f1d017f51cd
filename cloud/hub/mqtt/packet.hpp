#pragma once

// MQTT 3.1.1 control packets, server side: read what clients send, write what a server sends.
// Source: OASIS "MQTT Version 3.1.1", chapters 2 and 3. Reasons are fixed texts for the log.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace ota::hub::mqtt {

enum class PacketType : std::uint8_t {
  Connect = 1,
  ConnAck = 2,
  Publish = 3,
  PubAck = 4,
  Subscribe = 8,
  SubAck = 9,
  Unsubscribe = 10,
  UnsubAck = 11,
  PingReq = 12,
  PingResp = 13,
  Disconnect = 14,
};

enum class ConnectReturn : std::uint8_t {
  Accepted = 0,
  WrongProtocolLevel = 1,
  IdentifierRejected = 2,
  ServerUnavailable = 3,
  BadUserNameOrPassword = 4,
  NotAuthorized = 5,
};

/// One packet as it lies in the received bytes.
struct Frame {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  Bytes body;
  std::size_t size_bytes = 0;  // with the fixed header
};

template <class T>
using Parsed = Result<T, std::string_view>;

/// The first packet in `received`; nothing yet if it is incomplete.
Parsed<std::optional<Frame>> first_frame(Bytes received, std::size_t body_bytes_max);

struct Will {
  std::string topic;
  std::string payload;
  std::uint8_t qos = 0;
  bool retain = false;
};

struct Connect {
  std::uint8_t level = 0;  // if it is not 4, nothing else was read
  std::string client_id;
  bool clean_session = false;
  std::uint16_t keep_alive_s = 0;
  std::optional<Will> will;
  std::optional<std::string> user_name;
  std::string password;
};

struct Publish {
  std::string_view topic;
  Bytes payload;
  std::uint8_t qos = 0;
  bool retain = false;
  std::uint16_t packet_id = 0;  // 0 with QoS 0
};

struct Subscription {
  std::string_view filter;
  std::uint8_t qos = 0;
};

struct Subscribe {
  std::uint16_t packet_id = 0;
  std::vector<Subscription> subscriptions;
};

struct Unsubscribe {
  std::uint16_t packet_id = 0;
  std::vector<std::string_view> filters;
};

/// Views into the frame stay valid as long as the received bytes.
Parsed<Connect> parse_connect(const Frame& frame);
Parsed<Publish> parse_publish(const Frame& frame);
Parsed<std::uint16_t> parse_puback(const Frame& frame);
Parsed<Subscribe> parse_subscribe(const Frame& frame);
Parsed<Unsubscribe> parse_unsubscribe(const Frame& frame);

enum class SessionPresent : std::uint8_t { No = 0, Yes = 1 };

struct OutgoingPublish {
  std::string_view topic;
  std::string_view payload;
  std::uint8_t qos = 0;
  bool duplicate = false;
  std::uint16_t packet_id = 0;
};

std::string connack(ConnectReturn code, SessionPresent present);
std::string publish(const OutgoingPublish& message);
std::string puback(std::uint16_t packet_id);
std::string suback(std::uint16_t packet_id, const std::vector<std::uint8_t>& granted);
std::string unsuback(std::uint16_t packet_id);
std::string pingresp();

}  // namespace ota::hub::mqtt
