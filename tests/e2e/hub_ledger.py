"""Clients that write into a hub without pause and keep book: what was acknowledged, and what was
under way when the connection broke. After a restart each of them looks whether all that was
acknowledged is there, and whether anything is there by half.
"""

import base64
import threading

from tests.rig.kept_connection import LOST, KeptConnection
from tests.rig.mqtt_device import MqttDevice

PATCHES_A_ROUND = 10_000  # a bound; a round is over long before


class Broken(AssertionError):
    """A promise was not kept; the text says which one."""


def demand(condition, what):
    if not condition:
        raise Broken(what)


class Beats:
    """Counts what all clients begin and finish, so that a moment can be waited for."""

    def __init__(self):
        self._changed = threading.Condition()
        self._count = 0
        self._over = False

    def beat(self):
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def wait(self, count, timeout_s=60):
        with self._changed:
            start = self._count
            if not self._changed.wait_for(lambda: self._count - start >= count, timeout_s):
                raise Broken(f"only {self._count - start} of {count} steps within {timeout_s} s")


class Client:
    """Writes in a thread of its own from start() to the end of the hub."""

    def __init__(self, service, beats):
        self.service = service
        self.acknowledged = 0
        self.connection = None
        self._beats = beats
        self._thread = None
        self._problem = None

    def start(self):
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait(self):
        """Until the thread has noticed the end of the hub."""
        self._thread.join(60)
        demand(not self._thread.is_alive(), f"{self} does not notice the end of the hub")
        if self._problem:
            raise self._problem

    def _run(self):
        try:
            self.open()
            for _ in range(PATCHES_A_ROUND):
                self._beats.beat()
                self.step()
                self.acknowledged += 1
                self._beats.beat()
        except LOST:
            pass
        except Exception as problem:  # Raised again in wait().
            self._problem = problem
        finally:
            self.close()

    def open(self):
        self.connection = KeptConnection(self.service)

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    def call(self, wanted, *arguments, **named):
        """The document of an answer that must have the wanted status."""
        status, document = self.connection.call(*arguments, **named)
        demand(status == wanted, f"{arguments[:2]}: status {status}, {document}")
        return document

    def __str__(self):
        return type(self).__name__


def whole(section, what):
    """The number in a section of a twin, whose three copies were written together."""
    pair = section.get("pair") or {}
    numbers = {section.get("n"), pair.get("a"), pair.get("b")}
    demand(len(numbers) == 1 and None not in numbers, f"{what} is there by half: {section}")
    return section["n"]


def numbered(number):
    return {"n": number, "pair": {"a": number, "b": number}}


class Counter(Client):
    """Counts up in one section of one twin; nothing may be lost, doubled or written by half."""

    section = "desired"
    under_way = 1  # writes at a time

    def __init__(self, service, beats, device):
        super().__init__(service, beats)
        self.device = device
        self.number = self.version = None

    def check(self, connection):
        status, twin = connection.call("GET", f"twins/{self.device}")
        demand(status == 200, f"twin of {self.device}: status {status}")
        section = twin["properties"][self.section]
        if self.number is not None:
            written = section.keys() & {"n", "pair"}
            number = whole(section, f"{self.section} of {self.device}") if written else 0
            demand(
                self.number <= number <= self.number + self.under_way,
                f"{self.device}: {self.section} is {number}; {self.number} was acknowledged",
            )
            version = self.version + number - self.number
            demand(
                section["$version"] == version, f"{self.device}: {section}, not version {version}"
            )
            self.check_rest(twin, number)
        else:
            number = 0
        self.number, self.version = number, section["$version"]

    def check_rest(self, twin, number):
        pass


class TwinWriter(Counter):
    """By REST, tags and desired properties in one patch."""

    def step(self):
        number = self.number + 1
        body = {"tags": {"n": number}, "properties": {"desired": numbered(number)}}
        twin = self.call(200, "PATCH", f"twins/{self.device}", body)
        self.number, self.version = number, twin["properties"]["desired"]["$version"]

    def check_rest(self, twin, number):
        demand(number == 0 or twin["tags"]["n"] == number, f"{self.device}: tags are behind")


class Reporter(Counter):
    """By MQTT, as a device does."""

    section = "reported"

    def __init__(self, service, beats, device, address):
        super().__init__(service, beats, device)
        self._address = address
        self.key = base64.b64encode(device.encode().ljust(32, b"k")).decode()

    def open(self):
        host, port = self._address
        self.connection = MqttDevice(host, port, self.service.tls, self.device, self.key)

    def step(self):
        number = self.number + 1
        status = self.connection.report(numbered(number))
        demand(status == 204, f"{self.device}: a report is answered with {status}")
        self.number, self.version = number, self.version + 1


class BurstReporter(Reporter):
    """Many reports in one go, so that the hub commits them together; each has its own answer."""

    under_way = 16

    def step(self):
        numbers = range(self.number + 1, self.number + 1 + self.under_way)
        for status in self.connection.report_all(map(numbered, numbers)):
            demand(status == 204, f"{self.device}: a report is answered with {status}")
            self.number, self.version = self.number + 1, self.version + 1


class IdentityWriter(Client):
    """Makes, disables and deletes identities."""

    def __init__(self, service, beats, rng):
        super().__init__(service, beats)
        self._rng = rng
        self._next = 0
        self._states = {}  # id: set of states that it may be in; None: no such device

    def step(self):
        known = [name for name, states in self._states.items() if states != {None}]
        if not known or self._rng.random() < 0.5:
            name, wanted = f"identity-{self._next}", "enabled"
            self._next += 1
        else:
            name = self._rng.choice(known)
            wanted = self._rng.choice(["disabled", "enabled", None])
        before = self._states.get(name, {None})
        self._states[name] = before | {wanted}
        path = f"devices/{name}"
        if wanted is None:
            self.call(204, "DELETE", path, if_match="*")
        else:
            body = {"deviceId": name, "status": wanted}
            self.call(200, "PUT", path, body, if_match=None if before == {None} else "*")
        self._states[name] = {wanted}

    def check(self, connection):
        for name, allowed in self._states.items():
            status, device = connection.call("GET", f"devices/{name}")
            state = device["status"] if status == 200 else None
            demand(state in allowed, f"{name} is {state}; acknowledged was {allowed}")
            demand(
                status in (200, 404) and connection.call("GET", f"twins/{name}")[0] == status,
                f"{name} has an identity without a twin, or the other way round",
            )
            self._states[name] = {state}
        self._states = {name: states for name, states in self._states.items() if states != {None}}


class ConfigurationWriter(Client):
    """Makes and deletes one configuration after the other; its devices must have all or nothing."""

    def __init__(self, service, beats, devices):
        super().__init__(service, beats)
        self._devices = devices
        self._next = 1
        self._standing = {None}  # ids that may be there

    def step(self):
        (standing,) = self._standing
        if standing is None:
            name = f"crash-{self._next}"
            body = {
                "id": name,
                "targetCondition": "tags.crash = 'yes'",
                "priority": 5,
                "content": {"deviceContent": {"properties.desired.managed": numbered(self._next)}},
            }
            self._standing = {None, name}
            self._next += 1
            self.call(200, "PUT", f"configurations/{name}", body)
            self._standing = {name}
        else:
            self._standing = {None, standing}
            self.call(204, "DELETE", f"configurations/{standing}", if_match="*")
            self._standing = {None}

    def check(self, connection):
        status, standing = connection.call("GET", "configurations")
        demand(status == 200 and len(standing) <= 1, f"configurations: {standing}")
        name = standing[0]["id"] if standing else None
        demand(name in self._standing, f"{name} stands; acknowledged was {self._standing}")
        self._standing = {name}
        if name:
            results = standing[0]["systemMetrics"]["results"]
            wanted = {"targetedCount": len(self._devices), "appliedCount": len(self._devices)}
            demand(results == wanted, f"{name}: {results}")
        for device in self._devices:
            _, twin = connection.call("GET", f"twins/{device}")
            managed = twin["properties"]["desired"].get("managed")
            number = f"crash-{whole(managed, device)}" if managed else None
            demand(number == name, f"{device} has the content of {number}, not of {name}")


class EnrollmentWriter(Client):
    """Replaces an individual enrollment and a group, and now and then deletes them."""

    def __init__(self, service, beats, rng):
        super().__init__(service, beats)
        self._rng = rng
        self._next = 1
        self._numbers = {"enrollments/crash": {None}, "enrollmentGroups/crash": {None}}

    def step(self):
        path = self._rng.choice(list(self._numbers))
        before = self._numbers[path]
        if before != {None} and self._rng.random() < 0.2:
            self._numbers[path] = before | {None}
            self.call(204, "DELETE", path, if_match="*")
            self._numbers[path] = {None}
            return
        number = self._next
        self._next += 1
        self._numbers[path] = before | {number}
        key = "registrationId" if path.startswith("enrollments") else "enrollmentGroupId"
        body = {
            key: "crash",
            "attestation": {"type": "symmetricKey"},
            "initialTwin": {"tags": {"n": number}, "properties": {"desired": numbered(number)}},
        }
        self.call(200, "PUT", path, body, if_match=None if before == {None} else "*")
        self._numbers[path] = {number}

    def check(self, connection):
        for path, allowed in self._numbers.items():
            status, enrollment = connection.call("GET", path)
            demand(status in (200, 404), f"{path}: status {status}")
            number = None
            if status == 200:
                twin = enrollment["initialTwin"]
                number = whole(twin["properties"]["desired"], path)
                demand(twin["tags"]["n"] == number, f"{path} is there by half: {twin}")
            demand(number in allowed, f"{path} has {number}; acknowledged was {allowed}")
            self._numbers[path] = {number}
