"""IoT Hub for one device on a bad day: MQTT 3.1.1 over TLS, one twin.

Here is what it knows and how it tells of changes; what it says on a connection: conversation.py.
"""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import urllib.parse

from tests.storm.conversation import Conversation
from tests.storm.listener import Listener
from tests.storm.script import NOTHING


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
