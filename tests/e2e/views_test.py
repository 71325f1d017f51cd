"""The verbs that look at a rollout, on a hub with a thousand devices: what they print, and how they
end when the rollout ends, fails, is aborted, takes too long, or when the hub goes away.
"""

import fcntl
import json
import os
import pathlib
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

from tests.rig import crowd
from tests.rig.process import Child, run
from tests.rig.rest import Service
from tests.rig.site import CLEAN, Site

USAGE, NOT_FOUND, REFUSED, ROLLOUT_FAILED, ABORTED, TIMED_OUT, STOPPED = 2, 3, 5, 6, 7, 8, 130
CROWD = 1000
VERSION = 12
LIMIT_S = 60


def said(status, target=VERSION, version=11, **more):
    """What a device reports."""
    return {"Status": status, "Target": target, "Version": version, "Code": "none", "Attempt": 0,
            "Phase": "idle", **more}


def crowd_reports(names):
    """In the middle of a rollout: 600 run it, 40 failed, 60 are under way, others are behind."""
    parts = [
        (600, said("applied", version=VERSION)),
        (30, said("error", Code="mcu_silent")),
        (10, said("error", Code="hash_mismatch")),
        (40, said("downloading", Phase="downloading", Progress=50)),
        (10, said("interrupted", Phase="waiting", Code="network_unreachable")),
        (10, said("applying", Phase="programming")),
        (5, said("applied", target=13, version=13)),
        (95, said("applied", target=11)),
    ]
    reports, rest = {}, iter(names)
    for count, value in parts:
        for _ in range(count):
            reports[next(rest)] = value
    return reports


COUNTS = {"targeted": CROWD, "waiting": 295, "downloading": 40, "interrupted": 10, "applying": 10,
          "applied": 600, "error": 40, "newer": 5}


class Views(unittest.TestCase):
    """One hub for all tests; each test that changes something has a group of its own."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="mcu-ota-test-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.site = Site(cls.folder, BINARIES)
        cls.addClassCleanup(cls.site.close)
        cls.site.start_hub(log_level="info")
        cls.service = Service(cls.site.profile)
        cls.image = cls.folder / "pump.bin"
        cls.image.write_bytes(b"firmware" * 1000)
        names = [f"pump-{i:04}" for i in range(CROWD)]
        crowd.create(cls.service, names, "pump", "crowd")
        cls.configuration = cls.deploy("crowd")["configuration"]
        crowd.report(cls.service, cls.address(), crowd_reports(names))

    @classmethod
    def address(cls):
        return ("127.0.0.1", cls.site.mqtt_port)

    @classmethod
    def call(cls, *arguments):
        return cls.site.operate(*arguments, check=False)

    @classmethod
    def json(cls, *arguments):
        code, out, _ = cls.call(*arguments, "--json")
        return code, json.loads(out)

    @classmethod
    def deploy(cls, group, version=VERSION, *more):
        return cls.site.operate_json("deploy", cls.image, version, "pump", group, *more)

    def group(self, *devices):
        """A group of the test's own, with devices."""
        name = self.id().rsplit(".", 1)[1]
        crowd.create(self.service, [f"{name}-{d}" for d in devices], "pump", name)
        return name

    def connect(self, device):
        connection = crowd.connect(self.service, self.address(), device)
        self.addCleanup(connection.close)
        return connection

    def start(self, *arguments):
        child = Child(arguments[0], [str(self.site.binaries / "mcu-ota"), *map(str, arguments),
                                     "--profile", str(self.site.profile)],
                      self.folder / f"{self.id()}.log", CLEAN)
        self.addCleanup(child.stop)
        return child

    def next_event(self, child):
        line = child.next_line(time.monotonic() + LIMIT_S)
        self.assertIsNotNone(line, pathlib.Path(child.log_path).read_text())
        return json.loads(line)

    def rest_of(self, child):
        """The one document that a program still prints before it ends."""
        lines = []
        while (line := child.next_line(time.monotonic() + LIMIT_S)) is not None:
            lines.append(line)
        return json.loads("\n".join(lines))

    def abort_by_label(self, identity):
        """As another operator's program would do it."""
        configuration = self.service.configuration(identity)
        configuration["labels"]["state"] = "aborted"
        configuration["targetCondition"] = ""
        self.service.put_configuration(configuration)

    # ---- one look ----
    def test_counts_a_thousand_devices(self):
        for verb in ("show", "status"):
            code, document = self.json(verb, "pump", "crowd")
            self.assertEqual(code, 0)
            self.assertEqual(document["counts"], COUNTS)
            self.assertEqual(document["failures"], [{"code": "mcu_silent", "devices": 30},
                                                    {"code": "hash_mismatch", "devices": 10}])
            self.assertEqual(document["state"], "active")
        self.assertEqual(len(document["devices"]), CROWD)
        self.assertFalse(document["moreDevices"])

    def test_show_names_the_unfinished_devices_failed_ones_first(self):
        _, document = self.json("show", self.configuration)
        self.assertEqual(len(document["devices"]), 50)
        self.assertTrue(document["moreDevices"])
        self.assertEqual([d["status"] for d in document["devices"]][:40], ["error"] * 40)
        self.assertNotIn("applied", [d["status"] for d in document["devices"]
                                     if d["version"] == VERSION])
        _, document = self.json("show", self.configuration, "--limit", "1000")
        self.assertEqual(len(document["devices"]), CROWD - COUNTS["applied"])
        self.assertFalse(document["moreDevices"])
        _, document = self.json("show", self.configuration, "--all", "--limit", "1000")
        self.assertEqual(len(document["devices"]), CROWD)
        code, out, _ = self.call("show", "pump", "crowd", str(VERSION))
        self.assertEqual(code, 0)
        self.assertIn("done 600 of 1,000", out)
        self.assertIn("mcu_silent 30, hash_mismatch 10", out)
        self.assertIn("--limit N", out)

    def test_list_and_status_know_every_rollout(self):
        _, document = self.json("list")
        mine = [r for r in document["rollouts"] if r["group"] == "crowd"]
        self.assertEqual(document["schema"], 1)
        self.assertEqual((mine[0]["configuration"], mine[0]["state"], mine[0]["supersededBy"]),
                         (self.configuration, "active", None))
        self.assertEqual(mine[0]["sizeBytes"], 8000)
        self.assertRegex(mine[0]["tokenExpires"], r"^\d{4}-")
        _, document = self.json("status")
        mine = [r for r in document["releases"] if r["group"] == "crowd"]
        self.assertEqual(mine[0]["counts"]["targeted"], CROWD)
        self.assertEqual(self.call("list")[0], 0)

    def test_an_older_version_is_marked_as_superseded(self):
        group = self.group("a")
        self.deploy(group, 3)
        self.deploy(group, 4)
        _, document = self.json("list")
        mine = {r["version"]: r["supersededBy"] for r in document["rollouts"]
                if r["group"] == group}
        self.assertEqual(mine, {4: None, 3: 4})
        self.assertIn("superseded by 4", self.call("show", "pump", group, "3")[1])

    def test_watch_once(self):
        code, out, _ = self.call("watch", "pump", "crowd", "--once", "-o", "jsonl")
        event = json.loads(out)
        self.assertEqual((code, event["event"], event["counts"]), (0, "state", COUNTS))
        code, out, _ = self.call("watch", "--once", "--json")
        event = json.loads(out)
        self.assertEqual((code, event["event"]), (0, "overview"))
        mine = [r for r in event["rollouts"] if r["group"] == "crowd"]
        self.assertEqual(mine[0]["counts"], COUNTS)
        code, out, _ = self.call("watch", "--once")
        self.assertEqual(code, 0)
        self.assertIn("done 600 of 1,000", out)

    def test_explain(self):
        _, document = self.json("explain", "pump-0600")
        self.assertEqual((document["state"], document["configuration"]),
                         ("failed", self.configuration))
        self.assertIn("does not name the wanted version", document["explanation"])
        for device, state in (("pump-0000", "done"), ("pump-0999", "never_connected"),
                              ("pump-0640", "offline_under_way"), ("pump-0700", "newer")):
            _, document = self.json("explain", device)
            self.assertEqual(document["state"], state, document)
            self.assertTrue(document["next"])
        self.assertEqual(self.call("explain", "nobody")[0], NOT_FOUND)
        self.assertEqual(self.call("explain", "a/b")[0], USAGE)

    def test_wrong_input_names_what_is_wrong(self):
        for arguments, code, text in (
                (("show",), USAGE, "ROLLOUT"),
                (("show", "nothing"), NOT_FOUND, "mcu-ota list"),
                (("show", "pump", "crowd", "99"), NOT_FOUND, "12"),
                (("status", "pump", "nowhere"), NOT_FOUND, "nothing is deployed"),
                (("watch", "pump", "crowd", "0"), USAGE, "VERSION"),
                (("watch", "pump", "crowd", "--timeout", "soon"), USAGE, "90s"),
                (("watch", "a", "b", "3", "d"), USAGE, "d"),
                (("show", "pump", "crowd", "--limit", "0"), USAGE, "--limit"),
                (("deploy", self.image, "20", "pump", "crowd", "--timeout", "5m"), USAGE,
                 "--wait"),
                (("deploy", self.image, "20", "pump", "crowd", "--dry-run", "--tier", "S9"),
                 USAGE, "S9")):
            got, _, error = self.call(*arguments)
            self.assertEqual(got, code, arguments)
            self.assertIn(text, error)

    def test_an_error_names_the_request_that_the_hubs_log_has(self):
        code, document = self.json("explain", "nobody")
        self.assertEqual(code, NOT_FOUND)
        identity = document["error"]["requestId"]
        self.assertIn(identity, document["error"]["message"])
        self.assertRegex(identity, r"^[0-9a-f-]{36}$")
        log = (self.folder / "hub.log").read_text()
        self.assertRegex(log, f"GET /twins/nobody: answered 404; request {identity}")

    # ---- before a deployment ----
    def test_a_dry_run_forecasts(self):
        document = self.deploy("crowd", 20, "--dry-run")
        self.assertEqual(document["result"], "planned")
        plan = document["forecast"]
        self.assertEqual((plan["targeted"], plan["toUpdate"], plan["online"]), (CROWD, CROWD, 0))
        self.assertEqual(plan["egressBytes"], 8000 * CROWD)
        self.assertEqual((plan["tier"], plan["steps"]), (None, []))
        self.assertIn("no quotas", plan["sentence"])
        plan = self.deploy("crowd", 20, "--dry-run", "--tier", "F1")["forecast"]
        self.assertEqual(plan["messages"], 10 * CROWD)
        self.assertEqual(plan["bottleneck"], "daily_messages")
        self.assertEqual(plan["seconds"], 86400 + 300)
        # Who runs it already does not count: all but 600 and the five that run a newer one.
        plan = self.deploy("crowd", VERSION, "--dry-run", "--tier", "S2")["forecast"]
        self.assertEqual((plan["toUpdate"], plan["applied"], plan["newer"]), (395, 600, 5))
        out = self.call("deploy", self.image, 20, "pump", "crowd", "--dry-run", "--tier", "S1")[1]
        self.assertIn("1,000 devices now", out)
        self.assertIn("at least", out)

    # ---- waiting ----
    def test_deploy_waits_until_all_run_it(self):
        group = self.group("a", "b")
        devices = [self.connect(f"{group}-{d}") for d in ("a", "b")]
        child = self.start("deploy", self.image, VERSION, "pump", group, "--wait", "--json")
        for device in devices:
            device.wait_patch()
            self.assertEqual(device.report({"extFwInfo": said("applied", version=VERSION)}), 204)
        document = self.rest_of(child)
        self.assertEqual(child.exit_code(LIMIT_S), 0)
        self.assertEqual(document["result"], "created")
        self.assertEqual((document["wait"]["outcome"], document["wait"]["exitCode"]),
                         ("all_run_it", 0))
        self.assertEqual(document["wait"]["counts"]["applied"], 2)
        # Again, with everything there: at once.
        self.assertEqual(self.call("deploy", self.image, VERSION, "pump", group, "--wait")[0], 0)

    def test_a_device_that_gives_up_fails_the_wait(self):
        group = self.group("a", "b")
        devices = [self.connect(f"{group}-{d}") for d in ("a", "b")]
        child = self.start("deploy", self.image, VERSION, "pump", group, "--wait", "--json")
        reports = (said("applied", version=VERSION), said("error", Code="rolled_back"))
        for device, report in zip(devices, reports):
            device.wait_patch()
            device.report({"extFwInfo": report})
        document = self.rest_of(child)
        self.assertEqual(child.exit_code(LIMIT_S), ROLLOUT_FAILED)
        self.assertEqual(document["wait"]["failures"], [{"code": "rolled_back", "devices": 1}])

    def test_an_abort_ends_the_wait(self):
        group = self.group("a")
        identity = self.deploy(group)["configuration"]
        child = self.start("watch", identity, "--json")
        self.assertEqual(self.next_event(child)["counts"]["waiting"], 1)
        self.abort_by_label(identity)
        event = self.next_event(child)
        self.assertEqual((event["event"], event["state"]), ("state", "aborted"))
        self.assertEqual(self.next_event(child)["outcome"], "aborted")
        self.assertEqual(child.exit_code(LIMIT_S), ABORTED)
        _, document = self.json("show", identity)
        self.assertEqual((document["state"], document["counts"]["targeted"]), ("aborted", 1))
        self.assertEqual(self.json("explain", f"{group}-a")[1]["state"], "aborted")

    def test_the_deadline_ends_the_wait(self):
        group = self.group("a")
        code, document = self.json("deploy", self.image, VERSION, "pump", group, "--wait",
                                   "--timeout", "1s")
        self.assertEqual((code, document["wait"]["outcome"]), (TIMED_OUT, "timed_out"))
        code, out, error = self.call("watch", "pump", group, "--timeout", "1s")
        self.assertEqual(code, TIMED_OUT)
        self.assertIn("done 0 of 1, waiting 1", out)
        self.assertIn("mcu-ota watch", error)

    def test_nobody_targeted_is_not_success(self):
        code, document = self.json("deploy", self.image, VERSION, "pump", "empty", "--wait",
                                   "--timeout", "1s")
        self.assertEqual((code, document["wait"]["counts"]["targeted"]), (TIMED_OUT, 0))

    def test_ctrl_c_leaves_the_rollout_as_it_is(self):
        group = self.group("a")
        identity = self.deploy(group)["configuration"]
        before = self.json("show", identity)[1]
        child = self.start("watch", identity, "--json")
        self.next_event(child)
        child.signal(signal.SIGINT)
        self.assertEqual(self.next_event(child)["outcome"], "stopped")
        self.assertEqual(child.exit_code(LIMIT_S), STOPPED)
        self.assertIn(f"mcu-ota watch {identity}", pathlib.Path(child.log_path).read_text())
        self.assertEqual(self.json("show", identity)[1], before)
        # Another one, elsewhere, goes on.
        again = self.start("watch", identity, "--json")
        self.assertEqual(self.next_event(again)["counts"]["waiting"], 1)

    def test_a_newer_version_ends_the_wait(self):
        group = self.group("a")
        self.deploy(group, 3)
        child = self.start("watch", "pump", group, "3", "--json")
        self.next_event(child)
        self.deploy(group, 4)
        self.assertEqual(self.next_event(child)["supersededBy"], 4)
        self.assertEqual(self.next_event(child)["outcome"], "superseded")
        self.assertEqual(child.exit_code(LIMIT_S), ROLLOUT_FAILED)

    def test_a_hub_that_is_killed_is_waited_for(self):
        group = self.group("a")
        device = self.connect(f"{group}-a")
        child = self.start("deploy", self.image, VERSION, "pump", group, "--wait", "--json")
        device.wait_patch()
        watcher = self.start("watch", "pump", group, "--json")
        self.assertEqual(self.next_event(watcher)["event"], "state")
        self.site.kill_hub()
        self.assertEqual(self.next_event(watcher)["event"], "away")
        self.site.start_hub_again()
        again = self.connect(f"{group}-a")
        self.assertEqual(again.report({"extFwInfo": said("applied", version=VERSION)}), 204)
        self.assertEqual(self.rest_of(child)["wait"]["outcome"], "all_run_it")
        self.assertEqual(child.exit_code(LIMIT_S), 0)
        event = self.next_event(watcher)
        while event["event"] != "end":
            event = self.next_event(watcher)
        self.assertEqual(watcher.exit_code(LIMIT_S), 0)

    def test_without_a_hub_a_look_fails_at_once(self):
        lost = self.folder / "lost.toml"
        lost.write_text(re.sub(r"HostName=[^;]*", "HostName=localhost:1",
                               self.site.profile.read_text()))
        code, out, error = run([str(self.site.binaries / "mcu-ota"), "watch", "pump", "crowd",
                                "--json", "--profile", str(lost)], environment=CLEAN, check=False)
        self.assertEqual(code, 1)
        self.assertEqual(json.loads(out)["error"]["code"], "unreachable")
        self.assertEqual(len(out.splitlines()), 1)
        self.assertIn("localhost:1", error)

    # ---- on a terminal ----
    def test_the_view_is_drawn_in_place_and_fits_the_window(self):
        group = self.group("a")
        identity = self.deploy(group)["configuration"]
        main, side = pty.openpty()
        self.addCleanup(os.close, main)
        columns = 50
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        program = subprocess.Popen(
            [str(self.site.binaries / "mcu-ota"), "watch", identity, "--profile",
             str(self.site.profile)], stdin=side, stdout=side, stderr=subprocess.DEVNULL,
            env={**os.environ, **CLEAN, "TERM": "xterm"})
        os.close(side)
        seen = ""
        while not re.search(r"\x1b\[\d+A", seen):
            seen += os.read(main, 4096).decode()
        program.send_signal(signal.SIGINT)
        self.assertEqual(program.wait(LIMIT_S), STOPPED)
        self.assertIn("done 0 of 1, waiting 1", seen)
        first = seen[: seen.index("\x1b[")].splitlines()
        self.assertTrue(all(len(line) < columns for line in first), first)
        self.assertIn(f"\x1b[{len(first)}A", seen)  # back to the first line


if __name__ == "__main__":
    BINARIES = pathlib.Path(sys.argv.pop(1)) / "bin"
    unittest.main()
