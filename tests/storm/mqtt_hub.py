"""IoT Hub for one device on a bad day: MQTT 3.1.1 over TLS, one twin.

Without a fault it answers as the service does. Faults strike at the place "hub.connection"
(listener.py) and at those in PLACES below.
"""

import base64
import hashlib
import hmac
import json
import queue
import random
import re
import secrets
import select
import socket
import ssl
import threading
import urllib.parse

from tests.storm import mqtt_packets as mqtt
from tests.storm.listener import CONNECTIONS, Listener, reset, wait_for_end
from tests.storm.script import NOTHING

SEND_S_MAX = 10.0


def merge(document, patch):
    """JSON merge patch, RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    out = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            out.pop(name, None)
        else:
            out[name] = merge(out.get(name), value)
    return out


class MqttHub(Listener):
    PLACE = "hub"

    def __init__(self, identities, script, device_id, judge_report):
        self.device_id = device_id
        self.key = base64.b64encode(secrets.token_bytes(32)).decode()
        self.state = threading.Lock()
        self.desired, self.desired_version = {}, 1
        self.reported, self.reported_version = {}, 1
        self.passwords = set()  # what must never be seen in a log
        self.wrongs = []  # what the agent must never do, in words
        self._judge_report = judge_report
        self._conversation = None
        super().__init__(identities, script)

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    @property
    def connection_string(self):
        return f"HostName={self.host};DeviceId={self.device_id};SharedAccessKey={self.key}"

    # ---- what the test says ----
    def desire(self, patch):
        """Merges into the desired properties and tells the device, as well as the day allows."""
        fault = self.script.next("hub.patch") or NOTHING
        with self.state:
            pieces = IN_PIECES.get(fault.kind, in_one)(patch)
            sent = [self._merge_desired(piece) for piece in pieces]
            if fault.kind == "gap":  # The notification is lost, and a later one is not.
                sent = [self._merge_desired({"unrelated": self.desired_version})]
            conversation = self._conversation
        if conversation is not None:
            conversation.tell(sent, fault)

    def start_anew(self):
        """The device was created again: its twin counts from the beginning."""
        with self.state:
            self.desired_version = 1
        self.drop_all()

    def _merge_desired(self, patch):
        self.desired = merge(self.desired, patch)
        self.desired_version += 1
        return self.desired_version, patch

    # ---- what the device does ----
    def serve(self, connection):
        Conversation(self, connection).run()

    def joined(self, conversation):
        """One session per identity: the older connection is closed."""
        with self.state:
            self._conversation, older = conversation, self._conversation
        if older is not None:
            older.end()

    def left(self, conversation):
        with self.state:
            if self._conversation is conversation:
                self._conversation = None

    def accepts(self, login):
        """The token's signature, as IoT Hub checks it."""
        fields = dict(
            part.split("=", 1)
            for part in login.password.removeprefix("SharedAccessSignature ").split("&")
        )
        to_sign = f"{fields.get('sr')}\n{fields.get('se')}".encode()
        right = hmac.new(base64.b64decode(self.key), to_sign, hashlib.sha256).digest()
        given = base64.b64decode(urllib.parse.unquote(fields.get("sig", "")))
        with self.state:
            self.passwords.add(fields.get("sig", ""))
            if given != right or login.client_id != self.device_id:
                self.wrongs.append(f"a login that is not right: {login.user_name}")
                return False
        return True

    def twin(self):
        with self.state:
            return {
                "desired": {**self.desired, "$version": self.desired_version},
                "reported": {**self.reported, "$version": self.reported_version},
            }

    def judge(self, payload):
        """What the device says counts, whether or not the hub keeps it."""
        try:
            patch = json.loads(payload)
        except ValueError:
            self.wrongs.append(f"a report that is no JSON: {payload[:100]!r}")
            return {}
        self._judge_report(patch)
        return patch

    def store(self, patch):
        with self.state:
            self.reported = merge(self.reported, patch)
            self.reported_version += 1
            return self.reported_version


def in_one(patch):
    return [patch]


def split(patch):
    """The keys of one offer in two notifications."""
    offer = patch.get("extFwInfo")
    if not isinstance(offer, dict) or len(offer) < 2:
        return [patch]
    names = sorted(offer, reverse=True)
    first = {name: offer[name] for name in names[: len(names) // 2]}
    rest = {name: offer[name] for name in names[len(names) // 2 :]}
    return [{"extFwInfo": first}, {"extFwInfo": rest}]


def beside_much_else(patch):
    """As large as a twin may be."""
    return [{"filler": {f"part-{number}": "x" * 4000 for number in range(7)}}, patch]


def after_another(patch, other):
    """A tool corrects itself at once. What refreshes only a part of an offer needs that offer."""
    offer = patch.get("extFwInfo")
    is_whole = isinstance(offer, dict) and "url" in offer
    return [{"extFwInfo": other}, patch] if is_whole else [patch]


IN_PIECES = {
    "split": split,
    "split_reordered": split,
    "split_slowly": split,
    "split_twice": split,
    "bulky": beside_much_else,
    "after_wrong_type": lambda patch: after_another(patch, 7),
    "after_withdrawal": lambda patch: after_another(patch, None),
}


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
        self._packets_left = None  # until the connection breaks
        if fault := self._script.next("hub.packet"):
            self._packets_left = 1 + int(12 * fault.number)

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

    def _break(self):
        reset(self._connection)
        self._over = True

    def _fall_silent(self):
        """Not a word more, until the device has had enough."""
        self._connection.settimeout(60)
        wait_for_end(self._connection)
        self._over = True

    def _on_packet(self, packet):
        if self._packets_left is not None:
            self._packets_left -= 1
            if self._packets_left <= 0:
                return self._break()
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
        self._send(mqtt.publish(topic, body))

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
        kind = self._strike("hub.report").kind
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
            self._send(mqtt.publish(f"$iothub/twin/PATCH/properties/desired/?$version={version}",
                                    b'{"extFwInfo":'))
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
        topic = f"$iothub/twin/PATCH/properties/desired/?$version={version}"
        self._send(mqtt.publish(topic, json.dumps({**patch, "$version": version}).encode()))


PLACES = {
    "hub.connection": CONNECTIONS,
    "hub.connect": "refuse_3 refuse_4 refuse_5 half drop silent garbage".split(),
    "hub.subscribe": "refuse drop drop_after silent garbage".split(),
    "hub.get": """no_answer throttled failing half_packet no_twin huge foreign twice drop silent
        garbage""".split(),
    "hub.report": """lost not_stored throttled failing stored_unanswered stored_silent stored_drop
        foreign drop silent garbage""".split(),
    "hub.patch": """gap split split_reordered split_slowly split_twice twice lower same malformed
        bulky after_wrong_type after_withdrawal drop garbage""".split(),
    "hub.packet": ["drop"],
}
