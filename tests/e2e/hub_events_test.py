"""`mcu-ota hub events` goes on by itself when the hub is killed and starts again.

Usage: python3 -m tests.e2e.hub_events_test BUILD_FOLDER
"""

import json
import shutil
import sys
import tempfile
import time

from tests.rig.process import Child
from tests.rig.site import CLEAN, Site

PATIENCE_S = 60


def create(site, device):
    site.operate("device", "create", device, "--key-file", site.folder / f"{device}.key")


def next_device(follower):
    line = follower.next_line(time.monotonic() + PATIENCE_S)
    assert line is not None, "hub events has ended"
    event = json.loads(line)
    assert event["properties"]["opType"] == "createDeviceIdentity", event
    return event["deviceId"], event["sequence"]


def follow(site):
    site.start_hub()
    create(site, "before")
    words = ["hub", "events", "--profile", site.profile, "--type", "lifecycle", "--from-start"]
    follower = Child(
        "events",
        [site.binaries / "mcu-ota", *words, "--count", "2"],
        site.folder / "events.log",
        CLEAN,
    )
    try:
        device, first = next_device(follower)
        assert device == "before", device
        site.kill_hub()
        site.start_hub_again()
        create(site, "after")  # whether the follower is back by now or not
        device, second = next_device(follower)
        assert device == "after" and second > first, (device, first, second)
        assert follower.exit_code(PATIENCE_S) == 0
    finally:
        follower.stop()


def main():
    folder = tempfile.mkdtemp(prefix="hub_events_")
    site = Site(folder, f"{sys.argv[1]}/bin")
    try:
        follow(site)
    finally:
        site.close()
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
