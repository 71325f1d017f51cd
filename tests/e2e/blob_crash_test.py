"""Blobs in a hub that is killed while it writes, and in one whose disk is full.

A killed hub comes back with the old or the new blob, whole, with the fields that belong to it; what
it acknowledged is there, and content that no blob names is gone. A full disk is a refusal (507),
and costs nothing that was acknowledged.

Usage: python3 -m tests.e2e.blob_crash_test BUILD_FOLDER
"""

import base64
import os
import pathlib
import random
import select
import shutil
import subprocess
import sys
import tempfile
import tomllib
import unittest

from tests.interop.python import blob_wire
from tests.rig.site import Site

KILLS = 24
BLOB_BYTES = 300_000
BLOCK_BYTES = 100_000
BLOCKS = 3
DISK_MIB = 8
BLOCK_BLOB = {"x-ms-blob-type": "BlockBlob"}
build = pathlib.Path()


def content_of(generation, size):
    return random.Random(generation).randbytes(size)


def block_target(number):
    name = base64.b64encode(b"block-%d" % number).decode().replace("=", "%3D")
    return f"/mcuota/box/blocks?comp=block&blockid={name}"


def block_list():
    names = [base64.b64encode(b"block-%d" % number).decode() for number in range(BLOCKS)]
    inner = "".join(f"<Latest>{name}</Latest>" for name in names)
    return f'<?xml version="1.0" encoding="utf-8"?><BlockList>{inner}</BlockList>'.encode()


class HubCase(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="mcu-ota-blob-crash-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def start(self, site):
        self.site = site
        self.addCleanup(site.close)
        self.connect(site.start_hub(arguments=["--http-port", "0"]))

    def connect(self, facts):
        profile = tomllib.loads(pathlib.Path(facts["profile"]).read_text(encoding="utf-8"))
        text = profile["storage_connection_string"].rstrip(";")
        parts = dict(pair.split("=", 1) for pair in text.split(";"))
        self.account = blob_wire.Account(parts["AccountName"], parts["AccountKey"])
        self.port = facts["http_port"]
        self.link = blob_wire.Server("127.0.0.1", self.port, self.account)
        self.addCleanup(self.link.close)

    def put(self, target, body, headers=None):
        return self.link.call("PUT", f"/mcuota/{target}", {**BLOCK_BLOB, **(headers or {})}, body)

    def get(self, target):
        return self.link.call("GET", f"/mcuota/{target}")


class Killed(HubCase):
    """The writes go over a link of their own, which dies with the hub."""

    def setUp(self):
        super().setUp()
        self.start(Site(self.folder, build / "bin"))
        self.random = random.Random(int(os.environ.get("OTA_TEST_SEED", "1")))
        self.generation = 0
        self.sure = {"whole": None, "blocks": None}  # acknowledged generations
        self.possible = {"whole": set(), "blocks": set()}
        self.staged = set()  # acknowledged block numbers that no list has named yet

    def headers(self):
        return {"x-ms-meta-generation": str(self.generation)}

    def write_whole(self, send):
        content = content_of(self.generation, BLOB_BYTES)
        self.possible["whole"].add(self.generation)
        if send("/mcuota/box/whole", content, {**BLOCK_BLOB, **self.headers()}):
            self.sure["whole"], self.possible["whole"] = self.generation, {self.generation}

    def write_blocks(self, send):
        content = content_of(self.generation, BLOCK_BYTES * BLOCKS)
        for number in range(BLOCKS):
            piece = content[number * BLOCK_BYTES :][:BLOCK_BYTES]
            if not send(block_target(number), piece, {}):
                return
            self.staged.add(number)
        self.possible["blocks"].add(self.generation)
        if send("/mcuota/box/blocks?comp=blocklist", block_list(), self.headers()):
            self.sure["blocks"], self.possible["blocks"] = self.generation, {self.generation}
            self.staged.clear()

    def calm(self, target, body, headers):
        self.assertEqual(201, self.link.call("PUT", target, headers, body).status)
        return True

    def deadly(self, steps_left, link, killed):
        """Kills the hub in the chosen request: in its body, or shortly after its last byte."""

        def send(target, body, headers):
            if killed:
                return False  # The last request was acknowledged before the kill.
            if steps_left[0] > 0:
                steps_left[0] -= 1
                answer = link.call("PUT", target, headers, body)
                self.assertEqual(201, answer.status)
                return True
            killed.append(target)
            share = self.random.choice((0.5, 1, 1, 1))
            sock = link.begin("PUT", target, headers, body, int(len(body) * share))
            # Not to wait for something: the moment of the kill lies anywhere in the hub's work.
            answered = select.select([sock], [], [], self.random.uniform(0, 0.006))[0]
            line = sock.recv(12) if answered else b""
            self.site.kill_hub()
            return line == b"HTTP/1.1 201"

        return send

    def check(self):
        for name in ("whole", "blocks"):
            answer = self.get(f"box/{name}")
            self.assertEqual(200, answer.status, name)
            generation = int(answer.headers["x-ms-meta-generation"])
            self.assertIn(generation, self.possible[name])
            self.assertEqual(content_of(generation, BLOB_BYTES), answer.body, f"{name} is torn")
            if name == "whole":
                self.assertEqual(blob_wire.md5(answer.body), answer.headers["content-md5"])
            self.sure[name], self.possible[name] = generation, {generation}
        blocks = self.get("box/blocks?comp=blocklist&blocklisttype=uncommitted").body.decode()
        waiting = blocks.count("<Block>")
        if self.sure["blocks"] == self.generation:
            self.staged.clear()  # The commit happened, only its answer did not come.
        self.assertGreaterEqual(waiting, len(self.staged), "an acknowledged block is lost")
        files = [path.name for path in (self.folder / "hub/blobs/content").iterdir()]
        self.assertEqual(2 + waiting, len(files), files)

    def test_has_the_old_or_the_new_blob(self):
        self.assertEqual(201, self.put("box?restype=container", b"").status)
        self.write_whole(self.calm)
        self.write_blocks(self.calm)
        for kill in range(KILLS):
            with self.subTest(kill=kill):
                self.generation += 1
                write = self.write_whole if kill % 4 == 0 else self.write_blocks
                steps = [0 if kill % 4 == 0 else self.random.randrange(BLOCKS + 1)]
                killed = []
                link = blob_wire.Server("127.0.0.1", self.port, self.account)
                write(self.deadly(steps, link, killed))
                link.close()
                self.assertEqual(1, len(killed))
                self.connect(self.site.start_hub_again())
                self.check()


class DiskFull(HubCase):
    """The hub's state lies on a small file system that only the hub sees."""

    def setUp(self):
        super().setUp()
        for options in ("--mount", "--user --map-root-user --mount"):
            mount = f"unshare {options} mount -t tmpfs none {self.folder}"
            if subprocess.run(mount.split(), capture_output=True, check=False).returncode == 0:
                break
        else:
            self.skipTest("no right to mount a small file system")
        (self.folder / "bin").mkdir()
        (self.folder / "hub").mkdir()
        script = self.folder / "bin" / "mcu-ota"
        script.write_text(
            f"#!/bin/sh\nexec unshare {options} sh -c 'mount -t tmpfs -o size={DISK_MIB}m,mode=0700"
            f" none {self.folder}/hub && exec \"$0\" \"$@\"' {build}/bin/mcu-ota \"$@\"\n"
        )
        script.chmod(0o755)
        self.start(Site(self.folder, self.folder / "bin"))
        self.assertEqual(201, self.put("box?restype=container", b"").status)

    def refused(self, answer):
        self.assertEqual(507, answer.status, answer.body)
        self.assertIn(b"disk of the hub is full", answer.body)

    def test_refuses_what_does_not_fit_and_keeps_the_rest(self):
        kept = content_of(1, 1 << 20)
        self.assertEqual(201, self.put("box/kept", kept).status)
        self.refused(self.put("box/kept", bytes(DISK_MIB << 20)))
        self.refused(self.put("box/large", bytes(DISK_MIB << 20)))
        self.assertEqual(kept, self.get("box/kept").body)
        self.assertEqual(404, self.get("box/large").status)
        self.assertEqual(201, self.put("box/small", kept).status)

    def test_refuses_blocks_and_lists_that_do_not_fit(self):
        piece = content_of(2, 1_900_000)
        for number in range(BLOCKS):
            answer = self.link.call("PUT", block_target(number), {}, piece)
            self.assertEqual(201, answer.status)
        self.refused(self.link.call("PUT", block_target(BLOCKS), {}, bytes(DISK_MIB << 20)))
        # The new blob would need the room once more.
        target = "/mcuota/box/blocks?comp=blocklist"
        self.refused(self.link.call("PUT", target, {}, block_list()))
        blocks = self.get("box/blocks?comp=blocklist&blocklisttype=all").body
        self.assertEqual(BLOCKS, blocks.count(b"<Size>1900000</Size>"))

    def test_fills_to_the_last_byte_without_a_loss(self):
        acknowledged = {}
        for number in range(DISK_MIB * 1024):
            content = content_of(number, 20_000)
            answer = self.put(f"box/{number}", content)
            if answer.status != 201:
                break
            acknowledged[number] = content
        self.refused(answer)
        self.assertGreater(len(acknowledged), 100)
        for number, content in acknowledged.items():
            self.assertEqual(content, self.get(f"box/{number}").body)


if __name__ == "__main__":
    build = pathlib.Path(sys.argv.pop(1)).absolute()
    unittest.main()
