"""MQTT 3.1.1 on the wire, as far as one device and its hub need it (OASIS, sections 2, 3)."""

import dataclasses
import struct

CONNECT, CONNACK, PUBLISH, PUBACK = 1, 2, 3, 4
SUBSCRIBE, SUBACK, PINGREQ, PINGRESP, DISCONNECT = 8, 9, 12, 13, 14


@dataclasses.dataclass
class Packet:
    kind: int
    flags: int
    body: bytes


@dataclasses.dataclass
class Login:
    client_id: str
    user_name: str
    password: str


@dataclasses.dataclass
class Message:
    topic: str
    payload: bytes
    qos: int
    packet_id: int


class ProtocolError(Exception):
    """The peer did not keep to MQTT."""


class Reader:
    """Cuts what arrives into packets."""

    def __init__(self):
        self._data = b""

    def feed(self, data):
        self._data += data

    def next(self):
        """A whole packet, or None."""
        length, shift, at = 0, 0, 1
        while True:
            if at >= len(self._data):
                return None
            byte = self._data[at]
            length |= (byte & 0x7F) << shift
            at += 1
            if byte < 0x80:
                break
            shift += 7
            if shift > 21:
                raise ProtocolError("a remaining length of more than four bytes")
        if len(self._data) < at + length:
            return None
        packet = Packet(self._data[0] >> 4, self._data[0] & 15, self._data[at : at + length])
        self._data = self._data[at + length :]
        return packet


def parse_connect(packet):
    if packet.body[:7] != b"\x00\x04MQTT\x04":
        raise ProtocolError(f"CONNECT of another protocol: {packet.body[:7]!r}")
    texts, at = [], 10  # after name, level, flags and keep-alive
    while at < len(packet.body):
        text, at = _text(packet.body, at)
        texts.append(text)
    return Login(*texts, *[""] * (3 - len(texts)))


def parse_subscribe(packet):
    """(packet id, filters)"""
    filters, at = [], 2
    while at < len(packet.body):
        text, at = _text(packet.body, at)
        filters.append(text)
        at += 1  # the wanted QoS
    return struct.unpack(">H", packet.body[:2])[0], filters


def parse_publish(packet):
    topic, at = _text(packet.body, 0)
    qos = packet.flags >> 1 & 3
    packet_id = 0
    if qos:
        packet_id = struct.unpack(">H", packet.body[at : at + 2])[0]
        at += 2
    return Message(topic, packet.body[at:], qos, packet_id)


def connack(code):
    return encode(CONNACK, 0, bytes([0, code]))


def suback(packet_id, granted):
    return encode(SUBACK, 0, struct.pack(">H", packet_id) + bytes(granted))


def puback(packet_id):
    return encode(PUBACK, 0, struct.pack(">H", packet_id))


def pingresp():
    return encode(PINGRESP, 0, b"")


def publish(topic, payload, packet_id=0):
    """With QoS 1 if there is a packet id: IoT Hub may use either for twin messages."""
    name = topic.encode()
    number = struct.pack(">H", packet_id) if packet_id else b""
    flags = 2 if packet_id else 0
    return encode(PUBLISH, flags, struct.pack(">H", len(name)) + name + number + payload)


def encode(kind, flags, body):
    length, size = b"", len(body)
    while True:
        size, low = size >> 7, size & 0x7F
        length += bytes([low | (0x80 if size else 0)])
        if not size:
            return bytes([kind << 4 | flags]) + length + body


def _text(body, at):
    size = struct.unpack(">H", body[at : at + 2])[0]
    return body[at + 2 : at + 2 + size].decode(), at + 2 + size
