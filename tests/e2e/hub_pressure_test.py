"""What presses on a hub does not press on its devices: uploads that wait for the disk, and a device
that does not read what it is sent.

Usage: python3 -m tests.e2e.hub_pressure_test BUILD_FOLDER
"""

import base64
import os
import pathlib
import sys
import tempfile
import threading

from tests.e2e.hub_ledger import Broken, Reporter, demand
from tests.interop.python import blob_wire
from tests.rig.kept_connection import KeptConnection
from tests.rig.mqtt_device import MqttDevice
from tests.rig.rest import Service
from tests.rig.site import Site

BLOCK_BYTES = 4 * 1024 * 1024
BLOCKS = 24
PUSHES_MIN = 5  # while a block list is committed; a hub that waits for the disk gets one out
PATCH_BYTES = 20_000
PATCHES_MAX = 2_000  # far more than socket buffers and the hub's queue hold together
EVENTS_MAX = 1_000  # of PATCH_BYTES: more than the hub keeps for those who watch
GROWTH_BYTES_MAX = 10 * 1024 * 1024  # a queue without a limit would take 40 MB


class Stage:
    def __init__(self, folder, build):
        self.site = Site(folder, f"{build}/bin")
        self.facts = self.site.start_hub(arguments=["--http-port", "0"])
        self.service = Service(self.site.profile)
        self.rest = KeptConnection(self.service)

    def device(self, name):
        key = Reporter(self.service, None, name, None).key
        pair = {"primaryKey": key, "secondaryKey": key}
        identity = {"deviceId": name, "authentication": {"type": "sas", "symmetricKey": pair}}
        status, answer = self.rest.call("PUT", f"devices/{name}", identity)
        demand(status == 200, f"{name}: {answer}")
        return MqttDevice("127.0.0.1", self.facts["mqtt_port"], self.service.tls, name, key)

    def patch(self, name, desired):
        status, _ = self.rest.call("PATCH", f"twins/{name}", {"properties": {"desired": desired}})
        demand(status == 200, f"a patch of {name}: status {status}")

    def hub_bytes(self):
        pages = int(pathlib.Path(f"/proc/{self.site.hub_pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


def block_name(number):
    return base64.b64encode(b"block-%03d" % number).decode()


def storage_link(stage):
    account = blob_wire.Account(*stage.service.storage_account)
    return blob_wire.Server("127.0.0.1", stage.facts["http_port"], account)


def pushes_go_on_while_blocks_are_committed(stage):
    link = storage_link(stage)
    status = link.call("PUT", "/mcuota/box?restype=container").status
    demand(status == 201, f"a container: status {status}")
    for number in range(BLOCKS):
        target = f"/mcuota/box/large?comp=block&blockid={block_name(number)}"
        status = link.call("PUT", target, {}, os.urandom(BLOCK_BYTES)).status
        demand(status == 201, f"a block: status {status}")
    inner = "".join(f"<Latest>{block_name(number)}</Latest>" for number in range(BLOCKS))
    body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{inner}</BlockList>'.encode()
    device = stage.device("pushed")
    answers = []

    def commit():
        answers.append(link.call("PUT", "/mcuota/box/large?comp=blocklist", {}, body).status)

    committer = threading.Thread(target=commit)
    committer.start()
    pushes = 0
    while committer.is_alive():
        pushes += 1
        stage.patch("pushed", {"n": pushes})
        _, patch = device.wait_patch()
        demand(patch["n"] == pushes, f"push {pushes}: {patch}")
    committer.join()
    demand(answers == [201], f"a block list: status {answers}")
    demand(pushes > PUSHES_MIN, f"only {pushes} pushes while blocks were committed")
    size = int(link.call("HEAD", "/mcuota/box/large").headers["content-length"])
    demand(size == BLOCKS * BLOCK_BYTES, f"the blob has {size} bytes")
    device.close()
    link.close()
    return pushes


def large(number):
    return {"words": [str(number % 10) * 4000] * (PATCH_BYTES // 4000)}


def fill_what_the_hub_keeps_anyway(stage):
    """Events and pages of the database; nobody is connected."""
    for number in range(EVENTS_MAX):
        stage.patch("pushed", large(number))


def a_device_that_does_not_read_is_closed(stage):
    device = stage.device("deaf")
    # From now on nothing is read; a window of a few kilobytes fills at once.
    device.receive_buffer(4096)
    before = stage.hub_bytes()
    for number in range(1, PATCHES_MAX):
        stage.patch("deaf", large(number))
        if number % 10:
            continue
        _, identity = stage.rest.call("GET", "devices/deaf")
        if identity["connectionState"] == "Disconnected":
            break
    else:
        raise Broken(f"{PATCHES_MAX} patches did not end the connection of a device that is deaf")
    growth = stage.hub_bytes() - before
    demand(growth < GROWTH_BYTES_MAX, f"the hub has grown by {growth:,} bytes")
    device.close()  # What the sockets still hold would come a few kilobytes at a time.
    return number, growth


def main():
    with tempfile.TemporaryDirectory(prefix="mcu-ota-pressure-") as folder:
        stage = Stage(pathlib.Path(folder), sys.argv[1])
        try:
            pushes = pushes_go_on_while_blocks_are_committed(stage)
            fill_what_the_hub_keeps_anyway(stage)
            patches, growth = a_device_that_does_not_read_is_closed(stage)
        except Broken as broken:
            sys.exit(f"hub pressure test: {broken}")
        finally:
            stage.rest.close()
            stage.site.close()
    mib = BLOCKS * BLOCK_BYTES >> 20
    print(
        f"hub pressure test: {pushes} pushes while {mib} MiB were committed; a deaf device was "
        f"closed after {patches} patches, the hub grew by {growth >> 10} KiB"
    )


if __name__ == "__main__":
    main()
