"""Clients of all kinds write into a hub that is killed at random moments, and stopped.

After each restart everything that was acknowledged must be there, once, and nothing by half.

Usage: python3 -m tests.e2e.hub_crash_test BUILD_FOLDER [ROUNDS]; OTA_TEST_SEED=N repeats a run.
"""

import json
import os
import pathlib
import random
import shutil
import socket
import sqlite3
import sys
import tempfile
import time

from tests.e2e.hub_ledger import (
    Beats,
    Broken,
    BurstReporter,
    ConfigurationWriter,
    EnrollmentWriter,
    IdentityWriter,
    Reporter,
    TwinWriter,
    demand,
)
from tests.rig.kept_connection import KeptConnection
from tests.rig.rest import Service
from tests.rig.site import Site

STEPS_MAX = 400  # begun and acknowledged writes between two kills


class World:
    """A hub and its clients. Each client has its own random numbers, so that a seed repeats what it
    does; what the threads do to each other is not repeated."""

    def __init__(self, folder, build, rng):
        self.rng = rng
        self.site = Site(folder, f"{build}/bin")
        facts = self.site.start_hub()
        self.service = Service(self.site.profile)
        self.beats = Beats()
        address = ("127.0.0.1", facts["mqtt_port"])
        self._reporters = [
            *[self._client(Reporter, f"reporter-{i}", address) for i in range(3)],
            *[self._client(BurstReporter, f"burst-{i}", address) for i in range(2)],
        ]
        self._managed = [f"managed-{i}" for i in range(3)]
        twins = [f"twin-{i}" for i in range(3)]
        self._make_devices(twins)
        self.clients = [
            *self._reporters,
            *[self._client(TwinWriter, name) for name in twins],
            self._client(IdentityWriter, random.Random(rng.random())),
            self._client(ConfigurationWriter, self._managed),
            self._client(EnrollmentWriter, random.Random(rng.random())),
        ]

    def _client(self, kind, *arguments):
        return kind(self.service, self.beats, *arguments)

    def _make_devices(self, twins):
        connection = KeptConnection(self.service)
        keys = {reporter.device: reporter.key for reporter in self._reporters}
        for name in [*keys, *twins, *self._managed]:
            body = {"deviceId": name}
            if name in keys:
                pair = {"primaryKey": keys[name], "secondaryKey": keys[name]}
                body["authentication"] = {"type": "sas", "symmetricKey": pair}
            status, answer = connection.call("PUT", f"devices/{name}", body)
            demand(status == 200, f"{name}: {answer}")
        for name in self._managed:
            connection.call("PATCH", f"twins/{name}", {"tags": {"crash": "yes"}})
        connection.close()

    def check(self):
        connection = KeptConnection(self.service)
        for client in self.clients:
            client.check(connection)
        connection.close()

    def write_for_a_while(self):
        for client in self.clients:
            client.start()
        self.beats.wait(self.rng.randrange(1, STEPS_MAX))

    def wait_for_clients(self):
        for client in self.clients:
            client.wait()

    def acknowledged(self):
        return sum(client.acknowledged for client in self.clients)

    def check_file(self):
        """The database as the crash left it is whole. A copy: to open it is to change it."""
        with tempfile.TemporaryDirectory(prefix="mcu-ota-crash-") as copy:
            for file in (self.site.folder / "hub").glob("hub.sqlite*"):
                shutil.copy(file, copy)
            database = sqlite3.connect(pathlib.Path(copy) / "hub.sqlite")
            (verdict,) = database.execute("PRAGMA integrity_check").fetchone()
            orphans = database.execute("PRAGMA foreign_key_check").fetchall()
            database.close()
        demand(verdict == "ok" and not orphans, f"the database: {verdict}, {orphans}")


def kill_at_random(world, rounds):
    for _ in range(rounds):
        world.check()
        world.write_for_a_while()
        world.site.kill_hub()
        world.wait_for_clients()
        world.check_file()
        world.site.start_hub_again()
    world.check()


def stop_under_load(world, rounds):
    """SIGTERM: an orderly end within its time, and nothing acknowledged is lost."""
    for _ in range(rounds):
        world.check()
        world.write_for_a_while()
        demand(world.site.stop_hub() == 0, "the hub ends with a failure after SIGTERM")
        world.wait_for_clients()
        world.site.start_hub_again()
    world.check()


def begin_request(world, path, body):
    """A PATCH whose head the hub has read, as its "100 Continue" shows, and whose body is still
    missing."""
    host, port = world.service.hub_host.rsplit(":", 1)
    stream = world.service.tls.wrap_socket(
        socket.create_connection((host, int(port)), 30), server_hostname=host
    )
    head = [f"PATCH {world.service.target_of(path)} HTTP/1.1", f"Host: {host}"]
    head += [f"{name}: {value}" for name, value in world.service.headers_for(path).items()]
    head += [f"Content-Length: {len(body)}", "Expect: 100-continue"]
    stream.sendall(("\r\n".join(head) + "\r\n\r\n").encode())
    demand(stream.recv(4096).startswith(b"HTTP/1.1 100"), "the hub does not ask for the body")
    return stream


def finish_what_has_begun(world):
    """A request that has begun when SIGTERM comes is answered, and its change is there."""
    body = json.dumps({"properties": {"desired": {"last": "words"}}}).encode()
    stream = begin_request(world, "twins/managed-0", body)
    stream.sendall(body[:10])
    idle = socket.create_connection(("127.0.0.1", world.site.mqtt_port), 30)
    world.site.signal_hub("SIGTERM")
    demand(idle.recv(1) == b"", "the hub does not end an idle connection")  # It has begun to stop.
    stream.sendall(body[10:])
    answer = b""
    while piece := stream.recv(4096):
        answer += piece
    demand(answer.startswith(b"HTTP/1.1 200"), f"a request that had begun: {answer[:200]}")
    demand(world.site.stop_hub() == 0, "the hub ends with a failure after SIGTERM")
    world.site.start_hub_again()
    desired = world.service.twin("managed-0")["properties"]["desired"]
    demand(desired.get("last") == "words", f"an answered change is lost: {desired}")


def main():
    build, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 12
    seed = int(os.environ.get("OTA_TEST_SEED", time.time_ns() % 1_000_000))
    print(f"hub crash test: OTA_TEST_SEED={seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="mcu-ota-crash-") as folder:
        world = World(folder, build, random.Random(seed))
        try:
            kill_at_random(world, rounds)
            stop_under_load(world, 3)
            finish_what_has_begun(world)
        except Broken as broken:
            sys.exit(f"hub crash test: {broken} (OTA_TEST_SEED={seed})")
        finally:
            world.site.close()
    print(
        f"hub crash test: {rounds} kills and 4 stops, {world.acknowledged():,} acknowledged "
        "writes, all of them there, none by half"
    )


if __name__ == "__main__":
    main()
