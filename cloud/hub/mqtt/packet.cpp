#include "cloud/hub/mqtt/packet.hpp"

namespace ota::hub::mqtt {
namespace {

constexpr std::size_t kLengthBytesMax = 4;

/// Well-formed UTF-8 without U+0000, surrogates and overlong forms (MQTT 3.1.1, section 1.5.3).
bool is_mqtt_text(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead > 0 && lead < 0x80) {
      ++i;
      continue;
    }
    const std::size_t more = lead < 0xC2   ? 4
                             : lead < 0xE0 ? 1
                             : lead < 0xF0 ? 2
                             : lead < 0xF5 ? 3
                                           : 4;
    if (more == 4 || i + more >= text.size()) return false;
    std::uint32_t code = lead & (0x3FU >> more);
    for (std::size_t k = 1; k <= more; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xC0U) != 0x80U) return false;
      code = (code << 6U) | (next & 0x3FU);
    }
    const bool overlong = (more == 2 && code < 0x800) || (more == 3 && code < 0x10000);
    if (overlong || (code >= 0xD800 && code <= 0xDFFF) || code > 0x10FFFF) return false;
    i += more + 1;
  }
  return true;
}

/// Reads a body from front to back; after a failure every further read fails too.
class BodyReader {
 public:
  explicit BodyReader(Bytes body) : rest_(body) {}

  std::uint8_t byte() {
    const Bytes taken = take(1);
    return taken.empty() ? std::uint8_t{0} : std::to_integer<std::uint8_t>(taken[0]);
  }
  std::uint16_t number() {
    const Bytes taken = take(2);
    return taken.empty() ? std::uint16_t{0} : load_be16(taken.data());
  }
  Bytes field() { return take(number()); }
  std::string_view text() {
    const std::string_view value = text_of(field());
    if (!is_mqtt_text(value)) fail();
    return value;
  }
  Bytes rest() { return rest_; }
  bool at_end() const { return rest_.empty(); }
  bool failed() const { return failed_; }

 private:
  Bytes take(std::size_t size) {
    if (failed_ || size > rest_.size()) {
      fail();
      return {};
    }
    const Bytes taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }
  void fail() {
    failed_ = true;
    rest_ = {};
  }

  Bytes rest_;
  bool failed_ = false;
};

struct ConnectFlags {
  explicit ConnectFlags(std::uint8_t bits)
      : reserved((bits & 0x01U) != 0),
        clean_session((bits & 0x02U) != 0),
        will((bits & 0x04U) != 0),
        will_qos(static_cast<std::uint8_t>((bits >> 3U) & 0x03U)),
        will_retain((bits & 0x20U) != 0),
        password((bits & 0x40U) != 0),
        user_name((bits & 0x80U) != 0) {}

  bool valid() const {
    if (reserved || will_qos > 2 || (password && !user_name)) return false;
    return will || (will_qos == 0 && !will_retain);
  }

  bool reserved, clean_session, will;
  std::uint8_t will_qos;
  bool will_retain, password, user_name;
};

std::string packet(unsigned first_byte, std::string_view body) {
  std::string out;
  out.reserve(1 + kLengthBytesMax + body.size());
  out += static_cast<char>(first_byte);
  std::size_t length = body.size();
  do {
    const auto digit = static_cast<unsigned char>(length % 128);
    length /= 128;
    out += static_cast<char>(length > 0 ? digit | 0x80U : digit);
  } while (length > 0);
  return out += body;
}

void append_number(std::string& out, std::uint16_t number) {
  out += static_cast<char>(number >> 8U);
  out += static_cast<char>(number & 0xFFU);
}

unsigned first_byte(PacketType type, unsigned flags = 0) {
  return (static_cast<unsigned>(type) << 4U) | flags;
}

std::string acknowledge(PacketType type, std::uint16_t packet_id, std::string_view tail = {}) {
  std::string body;
  append_number(body, packet_id);
  return packet(first_byte(type), body += tail);
}

}  // namespace

Parsed<std::optional<Frame>> first_frame(Bytes received, std::size_t body_bytes_max) {
  if (received.empty()) return std::optional<Frame>{};
  const auto head = std::to_integer<std::uint8_t>(received[0]);
  std::size_t length = 0;
  for (std::size_t i = 0; i < kLengthBytesMax; ++i) {
    if (i + 1 >= received.size()) return std::optional<Frame>{};
    const auto digit = std::to_integer<std::uint8_t>(received[i + 1]);
    length |= static_cast<std::size_t>(digit & 0x7FU) << (7 * i);
    if ((digit & 0x80U) != 0) continue;
    if (length > body_bytes_max) return std::string_view("packet is larger than allowed");
    const std::size_t header = i + 2;
    if (received.size() < header + length) return std::optional<Frame>{};
    return std::optional<Frame>(Frame{static_cast<std::uint8_t>(head >> 4U),
                                      static_cast<std::uint8_t>(head & 0x0FU),
                                      received.subspan(header, length), header + length});
  }
  return std::string_view("malformed remaining length");
}

Parsed<Connect> parse_connect(const Frame& frame) {
  constexpr std::string_view malformed = "malformed CONNECT";
  if (frame.flags != 0) return malformed;
  BodyReader body(frame.body);
  const std::string_view name = body.text();
  Connect out;
  out.level = body.byte();
  if (body.failed() || (name != "MQTT" && name != "MQIsdp"))
    return std::string_view("not an MQTT client");
  if (name != "MQTT") out.level = 3;
  if (out.level != 4) return out;
  const ConnectFlags flags(body.byte());
  if (!flags.valid()) return malformed;
  out.clean_session = flags.clean_session;
  out.keep_alive_s = body.number();
  out.client_id = body.text();
  if (flags.will) {
    Will will;
    will.topic = body.text();
    will.payload = text_of(body.field());
    will.qos = flags.will_qos;
    will.retain = flags.will_retain;
    out.will = std::move(will);
  }
  if (flags.user_name) out.user_name = body.text();
  if (flags.password) out.password = text_of(body.field());
  if (body.failed() || !body.at_end()) return malformed;
  return out;
}

Parsed<Publish> parse_publish(const Frame& frame) {
  Publish out;
  out.retain = (frame.flags & 0x01U) != 0;
  out.qos = static_cast<std::uint8_t>((frame.flags >> 1U) & 0x03U);
  if (out.qos == 2) return std::string_view("QoS 2 is not supported");
  if (out.qos > 2) return std::string_view("malformed PUBLISH");
  // [MQTT-3.3.1-2]
  if (out.qos == 0 && (frame.flags & 0x08U) != 0)
    return std::string_view("a PUBLISH of QoS 0 that is marked as sent again");
  BodyReader body(frame.body);
  out.topic = body.text();
  if (out.qos == 1) out.packet_id = body.number();
  const bool wildcard = out.topic.find('#') != std::string_view::npos ||
                        out.topic.find('+') != std::string_view::npos;
  if (body.failed() || out.topic.empty() || (out.qos == 1 && out.packet_id == 0)) {
    return std::string_view("malformed PUBLISH");
  }
  // Device ids may hold '#' and '+', so only IoT Hub's own topics are free of them.
  if (wildcard && out.topic.starts_with('$')) return std::string_view("PUBLISH to a filter");
  out.payload = body.rest();
  return out;
}

Parsed<std::uint16_t> parse_puback(const Frame& frame) {
  BodyReader body(frame.body);
  const std::uint16_t packet_id = body.number();
  if (frame.flags != 0 || body.failed() || !body.at_end())
    return std::string_view("malformed PUBACK");
  return packet_id;
}

Parsed<Subscribe> parse_subscribe(const Frame& frame) {
  constexpr std::string_view malformed = "malformed SUBSCRIBE";
  if (frame.flags != 0x02) return malformed;
  BodyReader body(frame.body);
  Subscribe out;
  out.packet_id = body.number();
  while (!body.at_end()) {
    const std::string_view filter = body.text();
    out.subscriptions.push_back({filter, body.byte()});
    if (out.subscriptions.back().qos > 2) return malformed;
  }
  if (body.failed() || out.packet_id == 0 || out.subscriptions.empty()) return malformed;
  return out;
}

Parsed<Unsubscribe> parse_unsubscribe(const Frame& frame) {
  constexpr std::string_view malformed = "malformed UNSUBSCRIBE";
  if (frame.flags != 0x02) return malformed;
  BodyReader body(frame.body);
  Unsubscribe out;
  out.packet_id = body.number();
  while (!body.at_end()) out.filters.push_back(body.text());
  if (body.failed() || out.packet_id == 0 || out.filters.empty()) return malformed;
  return out;
}

std::string connack(ConnectReturn code, SessionPresent present) {
  return packet(first_byte(PacketType::ConnAck),
                std::string{static_cast<char>(present), static_cast<char>(code)});
}

std::string publish(const OutgoingPublish& message) {
  std::string body;
  body.reserve(message.topic.size() + message.payload.size() + 4);
  append_number(body, static_cast<std::uint16_t>(message.topic.size()));
  body += message.topic;
  if (message.qos > 0) append_number(body, message.packet_id);
  body += message.payload;
  const unsigned flags =
      (message.duplicate ? 0x08U : 0U) | (static_cast<unsigned>(message.qos) << 1U);
  return packet(first_byte(PacketType::Publish, flags), body);
}

std::string puback(std::uint16_t packet_id) { return acknowledge(PacketType::PubAck, packet_id); }

std::string suback(std::uint16_t packet_id, const std::vector<std::uint8_t>& granted) {
  return acknowledge(PacketType::SubAck, packet_id, std::string(granted.begin(), granted.end()));
}

std::string unsuback(std::uint16_t packet_id) {
  return acknowledge(PacketType::UnsubAck, packet_id);
}

std::string pingresp() { return packet(first_byte(PacketType::PingResp), {}); }

}  // namespace ota::hub::mqtt
