"""A hub whose disk is full says so, goes on reading, loses nothing, and recovers by itself.

The state lies on a small tmpfs in a mount namespace of its own, which needs root or user
namespaces; without either the test is skipped.

Usage: python3 -m tests.e2e.full_disk_test BUILD_FOLDER
"""

import os
import pathlib
import subprocess
import sys
import tempfile

from tests.e2e.hub_ledger import Broken, Reporter, demand, numbered
from tests.rig.kept_connection import KeptConnection
from tests.rig.mqtt_device import MqttDevice
from tests.rig.rest import Service
from tests.rig.site import Site

SKIPPED = 77
DISK_BYTES = 16 * 1024 * 1024
LEFT_BYTES = 256 * 1024
PATCHES_MAX = 20_000
INSIDE = "MCU_OTA_TEST_DISK"  # the mounted folder, in the environment of the inner run


def enter_namespace():
    """Runs this test again with a small disk of its own; ends with its exit code."""
    with tempfile.TemporaryDirectory(prefix="mcu-ota-disk-") as folder:
        mount = f'mount -t tmpfs -o size={DISK_BYTES} tmpfs "${INSIDE}" || exit {SKIPPED}'
        unshare = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
        inner = [sys.executable, "-m", "tests.e2e.full_disk_test", *sys.argv[1:]]
        done = subprocess.run(
            [*unshare, "sh", "-c", f'{mount}; exec "$@"', "sh", *inner],
            env={**os.environ, INSIDE: folder},
        )
    if done.returncode == SKIPPED or (done.returncode != 0 and not can_unshare(unshare)):
        print("full disk test: skipped, no small file system can be mounted here")
        sys.exit(SKIPPED)
    sys.exit(done.returncode)


def can_unshare(unshare):
    return subprocess.run([*unshare, "true"], capture_output=True).returncode == 0


def fill(folder, left_bytes):
    """A file that leaves only so much space; to be deleted to make room."""
    ballast = folder / "ballast"
    with open(ballast, "wb") as file:
        space = os.statvfs(folder)
        file.write(b"x" * max(0, space.f_bavail * space.f_frsize - left_bytes))
    return ballast


class Story:
    def __init__(self, disk, build):
        self.disk = disk
        self.site = Site(disk, f"{build}/bin")
        facts = self.site.start_hub()
        self.service = Service(self.site.profile)
        self.rest = KeptConnection(self.service)
        reporter = Reporter(self.service, None, "dev-1", None)
        pair = {"primaryKey": reporter.key, "secondaryKey": reporter.key}
        identity = {
            "deviceId": "dev-1",
            "authentication": {"type": "sas", "symmetricKey": pair},
        }
        self.call(200, "PUT", "devices/dev-1", identity)
        self.device = MqttDevice(
            "127.0.0.1", facts["mqtt_port"], self.service.tls, "dev-1", reporter.key
        )

    def call(self, wanted, *arguments):
        status, document = self.rest.call(*arguments)
        demand(status == wanted, f"{arguments[:2]}: status {status}, {document}")
        return document

    def patch(self, number):
        # As large as a twin gets: the disk is full after some of them.
        body = {"properties": {"desired": {**numbered(number), "words": [str(number) * 500] * 8}}}
        return self.rest.call("PATCH", "twins/dev-1", body)

    def patch_until_full(self):
        """The number of the last acknowledged patch."""
        for number in range(1, PATCHES_MAX):
            status, answer = self.patch(number)
            if status != 200:
                demand(status == 500, f"a full disk: status {status}")
                demand("disk is full" in str(answer), f"a full disk: {answer}")
                return number - 1
        raise Broken(f"{PATCHES_MAX} patches fit on the disk")

    def desired(self):
        return self.call(200, "GET", "twins/dev-1")["properties"]["desired"]

    def while_full(self, last):
        """Reading works, each write says why it does not, and no connection breaks."""
        demand(self.desired()["n"] == last, "the last acknowledged patch is not there")
        status = self.device.report({"large": ["x" * 4000] * 7})
        demand(status == 500, f"a report on a full disk is answered with {status}")
        # Together they are one commit.
        many = list(self.device.report_all([{"large": ["x" * 4000] * 7}] * 4))
        demand(many == [500] * 4, f"reports on a full disk are answered with {many}")
        status, twin = self.device.twin()
        demand(status == 200 and twin["desired"]["n"] == last, f"twin on a full disk: {status}")
        demand(self.patch(last + 1)[0] == 500, "a second patch on a full disk")
        status, answer = self.rest.call("PUT", "enrollments/full", {
            "registrationId": "full",
            "attestation": {"type": "symmetricKey"},
            "initialTwin": {"properties": {"desired": {"words": ["x" * 4000] * 7}}},
        })
        demand(status == 500 and "disk is full" in str(answer), f"an enrollment: {status} {answer}")

    def after_it(self, last):
        """The same connections, and a restart."""
        demand(self.patch(last + 1)[0] == 200, "no patch although there is space again")
        demand(self.device.report({"after": 1}) == 204, "no report although there is space again")
        self.rest.close()
        self.site.kill_hub()
        self.site.start_hub_again()
        demand(self.desired()["n"] == last + 1, "lost after the restart")

    def start_on_a_full_disk(self):
        """A hub that cannot start says why."""
        self.rest.close()
        self.site.stop_hub()
        ballast = fill(self.disk, 0)
        code, _, words = self.site.operate(
            *("hub", "--state", self.disk / "other", "--mqtt-port", 0, "--https-port", 0),
            check=False,
        )
        ballast.unlink()
        demand(code == 1, f"a hub on a full disk ends with {code}")
        demand("full" in words or "No space" in words, f"a hub on a full disk says: {words}")
        self.site.start_hub_again()


def main():
    if INSIDE not in os.environ:
        enter_namespace()
    story = Story(pathlib.Path(os.environ[INSIDE]), sys.argv[1])
    try:
        ballast = fill(story.disk, LEFT_BYTES)
        last = story.patch_until_full()
        story.while_full(last)
        ballast.unlink()
        story.after_it(last)
        story.start_on_a_full_disk()
    except Broken as broken:
        sys.exit(f"full disk test: {broken}")
    finally:
        story.site.close()
    print(f"full disk test: full after {last} patches, read meanwhile, wrote again after it")


if __name__ == "__main__":
    main()
