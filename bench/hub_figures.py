"""The local hub under load, side by side with mosquitto, both over TLS with the same certificate.

Starts `mcu-ota hub` and mosquitto (Debian package "mosquitto"; without it its column stays empty),
puts the same number of TLS clients on each of them with `hub_load`, and measures the processor time
and the memory of the server from /proc. One JSON line for each case, then the table; the limit
stands beside each figure.

Two limits come from a prototype that was measured on another machine, beside mosquitto (with a
plugin that did the hub's work). They are scaled by what mosquitto needs for a TLS connect here and
needed there, so they say how fast the hub is and not how fast the machine is; without mosquitto
they are taken as they are.

Mosquitto passes messages on and keeps nothing; the hub checks a signature for each connection and
has each twin on disk before it acknowledges a patch.

Usage: python3 -m bench.hub_figures BUILD_FOLDER [--devices N] [--check]
  --devices N  the larger of the two numbers of devices, 10,000 by default; the smaller is N / 10
  --check      for the test: a tenth of the work, and limits that a loaded machine keeps
"""

import argparse
import dataclasses
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from tests.rig.process import Child, RigError
from tests.rig.rest import Service
from tests.rig.site import Site

CASE_S = 70  # hub_load gives up by itself after 60 s
ROUNDS = 5
AT_ONCE = 64  # connections under way, patches without an answer
MOSQUITTO_PORT = 18883


# With much other work on the machine and a build without optimization the hub still keeps this many
# times the limit; a mistake of another order of magnitude does not.
LOADED = 25


# The prototype, per TLS connect and per 10,000 reported patches, and mosquitto on its machine.
PROTOTYPE_CONNECT_MS = 0.39
PROTOTYPE_PATCHES_S = 0.172
MOSQUITTO_CONNECT_MS = 0.53


def limits_of(many, slack):
    """What the hub may need. What it needs anyway weighs more when there are few devices."""
    return {
        f"processor for each TLS connect, {many:,}": PROTOTYPE_CONNECT_MS * slack,
        f"memory for each idle TLS device, {many:,}": 20 if many >= 10_000 else 40,
        "desired push, p50": 1 * slack,
        "processor for 10,000 reported patches": PROTOTYPE_PATCHES_S * slack,
        "configuration to all devices": 5,
    }


def own_address():
    """A loopback address that parallel runs do not share."""
    number = os.getpid()
    return f"127.{1 + number // 62500 % 250}.{number // 250 % 250}.{1 + number % 250}"


class Server:
    """What the kernel knows of a process."""

    def __init__(self, pid):
        self.pid = pid

    def cpu_s(self):
        """Time on a processor of all its threads, which live as long as it does. The scheduler's
        count is exact; that of /proc/PID/stat is what a clock of 100 Hz happened to see.
        """
        threads = pathlib.Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9

    def rss_bytes(self):
        pages = int(pathlib.Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


class Load:
    """One hub_load process."""

    def __init__(self, program, arguments, environment=None):
        self._process = subprocess.Popen(
            [program, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )

    def ask(self, *words):
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RigError(f"hub_load ended at '{' '.join(map(str, words))}'")
        return json.loads(line)

    def end(self):
        self._process.stdin.close()
        self._process.wait(CASE_S)
        self._process.stdout.close()


class Hub:
    def __init__(self, folder, build, address):
        self.site = Site(folder, f"{build}/bin")
        self._address = address
        self.facts = self.site.start_hub(arguments=("--host", "127.0.0.1", "--host", address))
        self.server = Server(self.site.hub_pid)
        self.idle_bytes = self.server.rss_bytes()
        self.load = Load(
            f"{build}/bin/hub_load",
            ["hub", "127.0.0.1", self.facts["mqtt_port"], self.facts["https_port"], self.site.ca],
            {"IOTHUB_CONNECTION_STRING": Service(self.site.profile).iothub_connection_string},
        )

    def restart(self):
        """SIGKILL, and the same hub again on its ports; returns the time of the start."""
        self.site.kill_hub()
        self.load.ask("dropped")
        begin = time.monotonic()
        self.site.start_hub_again()
        self.server = Server(self.site.hub_pid)
        return begin

    def close(self):
        self.load.end()
        self.site.close()


class Mosquitto:
    """A broker without persistence, passwords and limits, with the hub's certificate."""

    def __init__(self, folder, build, address, ca):
        tls = pathlib.Path(ca).parent
        os.makedirs(folder)
        settings = {
            "user": "root",  # the key is the hub's, mode 0600
            "listener": f"{MOSQUITTO_PORT} {address}",
            "certfile": tls / "server.pem",
            "keyfile": tls / "server.key",
            "allow_anonymous": "true",
            "max_connections": "-1",
            "persistence": "false",
            "log_dest": "stderr",
        }
        config = pathlib.Path(folder) / "mosquitto.conf"
        config.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        self._child = Child(
            "mosquitto",
            ["sh", "-c", f"exec {self.program()} -c {config} 2>&1"],
            pathlib.Path(folder) / "mosquitto.log",
        )
        self._wait_until_running()
        self.server = Server(self._child.pid)
        self.idle_bytes = self.server.rss_bytes()
        self.load = Load(f"{build}/bin/hub_load", ["broker", address, MOSQUITTO_PORT, 0, ca])

    @staticmethod
    def program():
        return shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin")

    def _wait_until_running(self):
        deadline = time.monotonic() + 20
        while True:
            line = self._child.next_line(deadline)
            if line is None:
                raise RigError("mosquitto did not start")
            if line.endswith("running"):
                return

    def close(self):
        self.load.end()
        self._child.stop()


@dataclasses.dataclass
class Figure:
    """One row of the table."""

    case: str
    unit: str
    hub: float
    mosquitto: float | None = None
    limit: float | None = None  # of the hub; the figure may be this much
    note: str = ""

    @property
    def met(self):
        return self.limit is None or self.hub <= self.limit


def measured(side, *command):
    """(answer of hub_load, processor seconds of the server meanwhile)"""
    before = side.server.cpu_s()
    answer = side.load.ask(*command)
    return answer, side.server.cpu_s() - before


def storm(side, devices, idle_bytes):
    """Connects so many devices that there are `devices`: (ms of processor for each new one, KB for
    each of all).
    """
    answer, cpu_s = measured(side, "connect", devices, AT_ONCE)
    if answer["refusals"]:
        raise RigError(f"connect {devices}: {answer}")
    kilobytes = (side.server.rss_bytes() - idle_bytes) / 1000 / devices
    return cpu_s * 1000 / answer["connected"], kilobytes


def per_ten_thousand(side, verb, count):
    _, cpu_s = measured(side, verb, count, AT_ONCE)
    return cpu_s * 10_000 / count


class Run:
    """All cases, on the hub and on mosquitto in turns, so that both see the same other load."""

    def __init__(self, hub, mosquitto, devices, check):
        self.hub = hub
        self.mosquitto = mosquitto
        self.many = devices
        self.few = devices // 10
        self.limits = limits_of(self.many, LOADED if check else 1)
        self.scale = 1.0
        self.count = 2_000 if check else 10_000
        self.figures = []

    def both(self, measure):
        """The hub's value and mosquitto's."""
        return measure(self.hub), measure(self.mosquitto) if self.mosquitto else None

    def add(self, case, unit, values, note="", scaled=False):
        """`scaled`: the limit is one of the prototype's machine."""
        hub, mosquitto = values
        limit = self.limits.get(case)
        if limit is not None and scaled:
            limit *= self.scale
        figure = Figure(case, unit, hub, mosquitto, limit, note)
        print(json.dumps({**dataclasses.asdict(figure), "met": figure.met}), flush=True)
        self.figures.append(figure)

    def connections(self):
        idle = {side: side.idle_bytes for side in (self.hub, self.mosquitto) if side}
        for devices in (self.few, self.many):
            hub, peer = self.both(lambda side: storm(side, devices, idle[side]))
            peer = peer or (None, None)
            if peer[0]:
                self.scale = peer[0] / MOSQUITTO_CONNECT_MS
            connect = f"processor for each TLS connect, {devices:,}"
            self.add(connect, "ms", (hub[0], peer[0]), scaled=True)
            self.add(f"memory for each idle TLS device, {devices:,}", "KB", (hub[1], peer[1]))

    def pushes(self):
        hub, mosquitto = self.both(lambda side: side.load.ask("push", self.count // 10))
        for quantile in ("p50", "p99"):
            key = f"{quantile}_ms"
            self.add(f"desired push, {quantile}", "ms", (hub[key], mosquitto and mosquitto[key]))

    def messages(self):
        """Medians of rounds in which the two take turns."""
        cases = {
            "telemetry": "processor for 10,000 messages",
            "report": "processor for 10,000 reported patches",
            "patch": "processor for 10,000 twin patches by REST",
        }
        hub = {verb: [] for verb in cases}
        peer = []
        for _ in range(ROUNDS):
            for verb in cases:
                hub[verb].append(per_ten_thousand(self.hub, verb, self.count))
            if self.mosquitto:
                peer.append(per_ten_thousand(self.mosquitto, "telemetry", self.count))
        for verb, case in cases.items():
            values = (statistics.median(hub[verb]), statistics.median(peer) if peer else None)
            self.add(case, "s", values, scaled=True)

    def configuration(self):
        answer = self.hub.load.ask("deploy", "load-1")
        if answer["reached"] != self.many:
            raise RigError(f"deploy: {answer}")
        self.add("configuration to all devices", "s", (answer["seconds"], None))

    def restart(self):
        begin = self.hub.restart()
        answer, _ = measured(self.hub, "connect", self.many, self.many)
        seconds = time.monotonic() - begin
        self.add("restart until all devices are back", "s", (seconds, None))
        self.add("connections refused meanwhile", "", (answer["refusals"], None))

    def all(self):
        self.hub.load.ask("create", self.many)
        self.connections()
        self.configuration()
        self.restart()
        self.both(lambda side: side.load.ask("close"))
        self.both(lambda side: side.load.ask("connect", self.few, AT_ONCE))
        self.pushes()
        self.messages()


def print_table(figures):
    def cell(value):
        return "" if value is None else f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"

    print(f"\n{'case':<44} {'unit':<4} {'hub':>8} {'mosquitto':>9} {'limit':>8}")
    for figure in figures:
        verdict = "" if figure.limit is None else "  met" if figure.met else "  MISSED"
        values = (cell(figure.hub), cell(figure.mosquitto), cell(figure.limit))
        row = f"{figure.case:<44} {figure.unit:<4} {values[0]:>8} {values[1]:>9} {values[2]:>8}"
        print(row + verdict)


def start_mosquitto(folder, build, address, ca):
    if Mosquitto.program() is None:
        print("hub figures: no mosquitto on this machine; apt-get install mosquitto", flush=True)
        return None
    return Mosquitto(pathlib.Path(folder) / "mosquitto", build, address, ca)


def main():
    parser = argparse.ArgumentParser(usage="python3 -m bench.hub_figures BUILD_FOLDER [options]")
    parser.add_argument("build")
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    print("load of the machine before:", *(f"{value:.1f}" for value in os.getloadavg()), flush=True)
    with tempfile.TemporaryDirectory(prefix="mcu-ota-figures-") as folder:
        address = own_address()
        hub = Hub(folder, options.build, address)
        mosquitto = None
        try:
            mosquitto = start_mosquitto(folder, options.build, address, hub.site.ca)
            run = Run(hub, mosquitto, options.devices, options.check)
            run.all()
        finally:
            if mosquitto:
                mosquitto.close()
            hub.close()
    print_table(run.figures)
    print("load of the machine after:", *(f"{value:.1f}" for value in os.getloadavg()))
    sys.exit(0 if all(figure.met for figure in run.figures) else 1)


if __name__ == "__main__":
    main()
