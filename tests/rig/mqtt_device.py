"""A device's MQTT connection with the hub, blocking, in as few words as a test needs."""

import base64
import hashlib
import hmac
import json
import re
import socket
import struct
import time
import urllib.parse

TIMEOUT_S = 30


class Refused(Exception):
    """CONNACK with another code than 0."""


class MqttDevice:
    """Connected and subscribed to answers and desired patches after construction.

    Raises OSError (also ConnectionError) when the hub is away or ends the connection.
    """

    def __init__(self, host, port, tls, device, key):
        raw = socket.create_connection((host, port), TIMEOUT_S)
        try:
            self._socket = tls.wrap_socket(raw, server_hostname=host)
        except OSError:
            raw.close()
            raise
        self._input = b""
        self._request = 0
        self.patches = []  # (version, document) of desired patches, in the order of arrival
        user = f"{host}/{device}/?api-version=2021-04-12"
        body = _field("MQTT") + struct.pack(">BBH", 4, 0xC2, 600)
        body += _field(device) + _field(user) + _field(_token(f"{host}/devices/{device}", key))
        self._send(0x10, body)
        _, answer = self._receive()
        if answer[1] != 0:
            self.close()
            raise Refused(f"{device}: CONNACK {answer[1]}")
        filters = ("$iothub/twin/res/#", "$iothub/twin/PATCH/properties/desired/#")
        self._send(0x82, b"\0\1" + b"".join(_field(name) + b"\0" for name in filters))
        self._receive()

    def report(self, document):
        """Status of the hub's answer to a reported patch."""
        self._request += 1
        topic = f"$iothub/twin/PATCH/properties/reported/?$rid={self._request}"
        self._send(0x30, _field(topic) + json.dumps(document).encode())
        return self._wait_response()[0]

    def report_all(self, documents):
        """All of them in one go; then the status of each answer, in the order of the documents."""
        first = self._request + 1
        packets = []
        for document in documents:
            self._request += 1
            topic = f"$iothub/twin/PATCH/properties/reported/?$rid={self._request}"
            packets.append(_packet(0x30, _field(topic) + json.dumps(document).encode()))
        self._socket.sendall(b"".join(packets))
        for request in range(first, self._request + 1):
            yield self._wait_response(request)[0]

    def twin(self):
        """(status, document)"""
        self._request += 1
        self._send(0x30, _field(f"$iothub/twin/GET/?$rid={self._request}"))
        status, payload = self._wait_response()
        return status, json.loads(payload) if payload else None

    def wait_patch(self):
        """The next desired patch: (version, document)."""
        while not self.patches:
            self._take_message()
        return self.patches.pop(0)

    def wait_end(self):
        """Until the hub ends the connection."""
        try:
            while True:
                self._receive()
        except OSError:
            self.close()

    def receive_buffer(self, size_bytes):
        """How much the hub can send before this side reads."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size_bytes)

    def close(self):
        self._socket.close()

    def _wait_response(self, request=None):
        while True:
            response = self._take_message()
            if response and response[0] == (request or self._request):
                return response[1:]

    def _take_message(self):
        """(request id, status, payload) of a response; desired patches are kept aside."""
        first, body = self._receive()
        if first >> 4 != 3:
            return None
        size = struct.unpack(">H", body[:2])[0]
        topic, payload = body[2 : 2 + size].decode(), body[2 + size :]
        if found := re.match(r"\$iothub/twin/res/(\d+)/\?\$rid=(\d+)", topic):
            return int(found[2]), int(found[1]), payload
        if found := re.search(r"\$version=(\d+)", topic):
            self.patches.append((int(found[1]), json.loads(payload)))
        return None

    def _send(self, first, body):
        self._socket.sendall(_packet(first, body))

    def _receive(self):
        first = self._take(1)[0]
        length = shift = 0
        while True:
            digit = self._take(1)[0]
            length |= (digit & 0x7F) << shift
            shift += 7
            if not digit & 0x80:
                return first, self._take(length)

    def _take(self, size):
        while len(self._input) < size:
            piece = self._socket.recv(65536)
            if not piece:
                raise ConnectionError("the hub ended the connection")
            self._input += piece
        taken, self._input = self._input[:size], self._input[size:]
        return taken


def _packet(first, body):
    length, out = len(body), bytes([first])
    while True:
        length, digit = length >> 7, length & 0x7F
        out += bytes([digit | (0x80 if length else 0)])
        if not length:
            return out + body


def _field(text):
    return struct.pack(">H", len(text)) + text.encode()


def _token(resource, key):
    expiry = int(time.time()) + 3600
    encoded = urllib.parse.quote(resource, safe="")
    digest = hmac.new(base64.b64decode(key), f"{encoded}\n{expiry}".encode(), hashlib.sha256)
    signature = urllib.parse.quote(base64.b64encode(digest.digest()), safe="")
    return f"SharedAccessSignature sr={encoded}&sig={signature}&se={expiry}"
