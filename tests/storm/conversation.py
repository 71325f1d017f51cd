"""What IoT Hub says to a device on one connection, and how that can go wrong.

Without a fault it answers as the service does. Faults strike at the places in PLACES below, and at
"hub.connection" before (listener.py).
"""

import contextlib
import json
import queue
import random
import re
import select
import socket
import ssl

from tests.storm import mqtt_packets as mqtt
from tests.storm.listener import CONNECTIONS, reset, wait_for_end
from tests.storm.script import NOTHING

SEND_S_MAX = 10.0
LATE_S_MAX = 2.0  # longer than the agent of the storm waits for an answer
DESIRED = "$iothub/twin/PATCH/properties/desired/?$version="


def garbage(number):
    source = random.Random(number)
    return source.randbytes(1 + int(300 * number))


class Conversation:
    """One connection of the device. Its thread alone touches the socket."""

    def __init__(self, hub, connection):
        self._hub = hub
        self._script = hub.script
        self._connection = connection
        self._orders = queue.Queue()  # from other threads: functions to call here
        self._woken, self._waker = socket.socketpair()
        self._reader = mqtt.Reader()
        self._subscribed = False
        self._spoiled = False  # we sent garbage, to which any answer is as good
        self._over = False
        self._published = 0
        self._packets_left = None  # until the connection breaks
        if fault := self._script.next("hub.packet"):
            self._packets_left = 1 + int(12 * fault.number)
            self._ends_cleanly = fault.kind == "end"

    # ---- @thread any ----
    def tell(self, patches, fault):
        self._order(lambda: self._notify(patches, fault))

    def end(self):
        self._order(self._break)

    def _order(self, action):
        self._orders.put(action)
        try:
            self._waker.send(b"!")
        except OSError:
            pass  # The conversation is over.

    # ---- @thread of the connection ----
    def run(self):
        try:
            while not self._over and self._wait():
                while not self._over and (packet := self._reader.next()) is not None:
                    self._on_packet(packet)
        except mqtt.ProtocolError as error:
            if not self._spoiled:
                self._hub.wrongs.append(f"MQTT: {error}")
        finally:
            self._hub.left(self)
            self._woken.close()
            self._waker.close()

    def _wait(self):
        """Reads what is there; False at the end of the connection."""
        if not self._connection.pending():
            readable, _, _ = select.select([self._connection, self._woken], [], [], 120)
            if self._woken in readable:
                self._woken.recv(64)
                while not self._orders.empty() and not self._over:
                    self._orders.get()()
            if self._connection not in readable or self._over:
                return bool(readable) and not self._over
        self._connection.settimeout(0)
        try:
            data = self._connection.recv(65536)
        except ssl.SSLWantReadError:
            return True
        self._reader.feed(data)
        return bool(data)

    def _send(self, data):
        self._connection.settimeout(SEND_S_MAX)
        self._connection.sendall(data)

    def _publish(self, topic, payload):
        """With QoS 0 and 1 in turn."""
        self._published += 1
        packet_id = self._published % 0x8000 if self._published % 2 else 0
        self._send(mqtt.publish(topic, payload, packet_id))

    def _break(self):
        reset(self._connection)
        self._over = True

    def _end_cleanly(self):
        """As a hub that is taken out of service says goodbye."""
        self._connection.settimeout(1)
        self._over = True
        with contextlib.suppress(OSError):
            self._connection.unwrap()

    def _fall_silent(self):
        """Not a word more, until the device has had enough."""
        self._connection.settimeout(60)
        wait_for_end(self._connection)
        self._over = True

    def _on_packet(self, packet):
        if self._packets_left is not None:
            self._packets_left -= 1
            if self._packets_left <= 0:
                return self._end_cleanly() if self._ends_cleanly else self._break()
        if packet.kind == mqtt.CONNECT:
            return self._on_connect(mqtt.parse_connect(packet))
        if packet.kind == mqtt.SUBSCRIBE:
            return self._on_subscribe(*mqtt.parse_subscribe(packet))
        if packet.kind == mqtt.PUBLISH:
            return self._on_publish(mqtt.parse_publish(packet))
        if packet.kind == mqtt.PINGREQ:
            return self._send(mqtt.pingresp())
        if packet.kind == mqtt.DISCONNECT:
            self._over = True
        elif packet.kind != mqtt.PUBACK:
            raise mqtt.ProtocolError(f"packet type {packet.kind}")
        return None

    def _on_connect(self, login):
        right = self._hub.accepts(login)
        kind = self._strike("hub.connect").kind
        if kind in ("refuse_3", "refuse_4", "refuse_5"):
            self._send(mqtt.connack(int(kind[-1])))
            self._over = True
        elif kind == "half":
            self._send(mqtt.connack(0)[:2])
            self._fall_silent()
        elif kind == "none":
            self._send(mqtt.connack(0 if right else 5))
            self._over = not right

    def _on_subscribe(self, packet_id, filters):
        kind = self._strike("hub.subscribe").kind
        if kind == "refuse":
            return self._send(mqtt.suback(packet_id, [0x80] * len(filters)))
        if kind not in ("none", "drop_after"):
            return None
        self._send(mqtt.suback(packet_id, [1] * len(filters)))
        if kind == "drop_after":
            return self._break()
        self._subscribed = True
        return self._hub.joined(self)

    def _on_publish(self, message):
        request = re.search(r"\?\$rid=([^&]*)", message.topic)
        if message.topic.startswith("$iothub/twin/GET/"):
            self._on_get(message, request.group(1))
        elif message.topic.startswith("$iothub/twin/PATCH/properties/reported/"):
            self._on_report(message, request.group(1))
        elif message.topic.startswith(f"devices/{self._hub.device_id}/messages/events/"):
            self._acknowledge(message)
        else:
            self._hub.wrongs.append(f"an unknown topic: {message.topic}")

    def _strike(self, place):
        """What goes wrong here; a kind that is the same everywhere is done already."""
        fault = self._script.next(place) or NOTHING
        if fault.kind == "drop":
            self._break()
        elif fault.kind == "silent":
            self._fall_silent()
        elif fault.kind == "garbage":
            self._spoiled = True
            self._send(garbage(fault.number))
        return fault

    def _acknowledge(self, message):
        if message.qos:
            self._send(mqtt.puback(message.packet_id))

    def _answer(self, status, request_id, body=b"", version=None):
        more = "" if version is None else f"&$version={version}"
        topic = f"$iothub/twin/res/{status}/?$rid={request_id}{more}"
        self._publish(topic, body)

    # ---- the twin ----
    def _on_get(self, message, request_id):
        twin = json.dumps(self._hub.twin()).encode()
        fault = self._strike("hub.get")
        kind = fault.kind
        if self._over:
            return
        self._acknowledge(message)
        if kind in ("garbage", "no_answer"):
            return
        if kind == "late":
            self._hub.pause(LATE_S_MAX * fault.number)
        if kind in ("throttled", "failing"):
            status, code = (429, 429001) if kind == "throttled" else (500, 500001)
            self._answer(status, request_id, json.dumps({"errorCode": code}).encode())
        elif kind == "half_packet":
            self._send(mqtt.publish(f"$iothub/twin/res/200/?$rid={request_id}", twin)[:-9])
            self._fall_silent()
        elif kind == "no_twin":
            bodies = [b"", b"null", b"[]", b"{}", b'{"desired":7}', b'{"desired":{}}', twin[:-2]]
            self._answer(200, request_id, bodies[int(fault.number * len(bodies))])
        elif kind == "huge":
            filler = json.dumps({"desired": {"$version": 99, "filler": "x" * 300_000}})
            self._answer(200, request_id, filler.encode())
        elif kind == "foreign":
            poison = {"desired": {"extFwInfo": {"version": 77}, "$version": 99}}
            self._answer(200, "somebody-else", json.dumps(poison).encode())
            self._answer(200, request_id, twin)
        else:
            self._answer(200, request_id, twin)
            if kind == "twice":
                self._answer(200, request_id, twin)

    def _on_report(self, message, request_id):
        patch = self._hub.judge(message.payload)
        fault = self._strike("hub.report")
        kind = fault.kind
        if kind == "stored_drop":
            self._hub.store(patch)
            return self._break()
        if self._over or kind in ("lost", "garbage"):
            return None
        if kind == "stored_silent":
            self._hub.store(patch)
            return self._fall_silent()
        self._acknowledge(message)
        if kind == "not_stored":
            return None
        if kind in ("throttled", "failing"):
            return self._answer(429 if kind == "throttled" else 503, request_id)
        if kind == "late":
            self._hub.pause(LATE_S_MAX * fault.number)
        version = self._hub.store(patch)
        if kind == "stored_unanswered":
            return None
        if kind == "foreign":
            self._answer(204, "somebody-else", version=version)
        return self._answer(204, request_id, version=version)

    def _notify(self, patches, fault):
        """Desired patches, perhaps twice, in a wrong order, or between others."""
        if not self._subscribed:
            return
        kind = fault.kind
        if kind == "garbage":
            self._send(garbage(fault.number))
        if kind in ("drop", "garbage"):
            return self._break()
        if kind == "split_reordered":
            patches = patches[::-1]
        poison = {"extFwInfo": {"version": 9999, "url": "https://127.0.0.1/poison", "sas": "x"}}
        version = patches[0][0]
        if kind in ("lower", "malformed"):
            self._desired_patch(max(1, version - 1 - int(3 * fault.number)), poison)
        if kind == "malformed":
            self._publish(f"{DESIRED}{version}", b'{"extFwInfo":')
        for number, (version, patch) in enumerate(patches):
            if kind == "split_slowly" and number > 0:
                self._hub.pause(fault.number)
            self._desired_patch(version, patch)
        if kind in ("twice", "split_twice"):
            for version, patch in patches:
                self._desired_patch(version, patch)
        if kind == "same":
            self._desired_patch(version, poison)
        return None

    def _desired_patch(self, version, patch):
        topic = f"{DESIRED}{version}"
        self._publish(topic, json.dumps({**patch, "$version": version}).encode())


PLACES = {
    "hub.connection": CONNECTIONS,
    "hub.connect": "refuse_3 refuse_4 refuse_5 half drop silent garbage".split(),
    "hub.subscribe": "refuse drop drop_after silent garbage".split(),
    "hub.get": """no_answer throttled failing half_packet no_twin huge foreign twice late drop
        silent garbage""".split(),
    "hub.report": """lost not_stored throttled failing stored_unanswered stored_silent stored_drop
        foreign late drop silent garbage""".split(),
    "hub.patch": """gap split split_reordered split_slowly split_twice twice lower same malformed
        bulky after_wrong_type after_withdrawal drop garbage""".split(),
    "hub.packet": ["drop", "end"],
}
