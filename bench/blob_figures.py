"""Reading blobs from the local hub and from Azurite, side by side in the same run.

Starts both on this machine (Azurite is the npm package that scripts/setup obtains), puts the same
16 MiB blob on each, and reads it with `blob_load`: whole and in ranges of 64 KiB, over plain HTTP
and over TLS, the two servers in turn. One JSON line for each case, then the table.

Usage: python3 -m bench.blob_figures BUILD_FOLDER [--seconds S] [--rounds N] [--check]
  --seconds S  how long each server is read in each round, 2 by default
  --rounds N   rounds of each case; the median counts, 3 by default
  --check      for the test: fails when a ratio is far below what is wanted
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import tomllib

from tests.interop import run as interop
from tests.interop.python import blob_wire
from tests.interop.python.azurite import Azurite
from tests.rig.certificates import Certificates
from tests.rig.process import RigError
from tests.rig.site import Site

BLOB_BYTES = 16 << 20
RANGE_BYTES = 64 << 10
LOADED = 0.25  # of the wanted ratio, with much other work on the machine
# What, connections, bytes of a range, the ratio that is wanted.
CASES = (
    ("16 MiB whole", 4, 0, 1),
    ("64 KiB ranges", 16, RANGE_BYTES, 10),
)


class Servers:
    """The hub, and Azurite twice: it speaks either plain HTTP or TLS."""

    def __init__(self, build, folder):
        self.build = build
        (folder / "ca").mkdir()
        certificate = Certificates(folder / "ca").server("azurite")
        self.site = Site(folder, build / "bin")
        self.azurites = []
        try:
            facts = self.site.start_hub(arguments=["--http-port", "0"])
            profile = tomllib.loads(pathlib.Path(facts["profile"]).read_text(encoding="utf-8"))
            text = profile["storage_connection_string"]
            parts = dict(pair.split("=", 1) for pair in text.rstrip(";").split(";"))
            self.account = blob_wire.Account(parts["AccountName"], parts["AccountKey"])
            program = interop.PACKAGES / "node/node_modules/.bin/azurite-blob"
            for pair in (None, certificate):
                self.azurites.append(Azurite(program, self.account, folder, pair))
            self.ports = {
                ("hub", False): facts["http_port"],
                ("hub", True): facts["https_port"],
                ("azurite", False): self.azurites[0].port,
                ("azurite", True): self.azurites[1].port,
            }
            self._put()
        except BaseException:
            self.close()
            raise

    def _put(self):
        """Over the plain listeners, and over TLS where the store behind it is another one."""
        content = os.urandom(BLOB_BYTES)
        context = blob_wire.careless_context()
        for (server, tls), port in self.ports.items():
            if server == "hub" and tls:
                continue  # The same store as the plain one.
            link = blob_wire.Server("127.0.0.1", port, self.account, context if tls else None)
            for target, headers, body in (
                ("box?restype=container", {}, b""),
                ("box/blob", {"x-ms-blob-type": "BlockBlob"}, content),
            ):
                answer = link.call("PUT", f"/{self.account.name}/{target}", headers, body)
                if answer.status != 201:
                    raise RigError(f"{server} answers {answer.status} to PUT {target}")
            link.close()

    def read(self, server, tls, connections, range_bytes, seconds):
        """Bytes per second."""
        token = blob_wire.service_sas(self.account, "box/blob")
        arguments = ["127.0.0.1", self.ports[server, tls], f"/{self.account.name}/box/blob?{token}",
                     "--connections", connections, "--seconds", seconds,
                     "--blob-bytes", BLOB_BYTES]
        arguments += ["--range-bytes", range_bytes] if range_bytes else []
        arguments += ["--tls"] if tls else []
        program = self.build / "bin" / "blob_load"
        found = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True,
                               check=False, timeout=seconds + 60)
        if found.returncode != 0:
            raise RigError(f"{server}: {found.stderr}")
        result = json.loads(found.stdout)
        return result["bytes"] / result["seconds"]

    def close(self):
        for azurite in self.azurites:
            azurite.stop()
        self.site.close()


def measure(servers, options):
    """One record for each case."""
    for what, connections, range_bytes, wanted in CASES:
        for tls in (False, True):
            found = {"hub": [], "azurite": []}
            for _ in range(options.rounds):
                for name, speeds in found.items():
                    speed = servers.read(name, tls, connections, range_bytes, options.seconds)
                    speeds.append(speed)
            hub, azurite = (statistics.median(found[name]) for name in ("hub", "azurite"))
            record = {
                "case": what,
                "over": "TLS" if tls else "HTTP",
                "connections": connections,
                "hub_MB_per_s": round(hub / 1e6, 1),
                "azurite_MB_per_s": round(azurite / 1e6, 1),
                "ratio": round(hub / azurite, 2),
                "wanted": wanted,
            }
            print(json.dumps(record), flush=True)
            yield record


def show(records):
    print("\n| reading | over | connections | hub, MB/s | Azurite, MB/s | ratio | wanted |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for r in records:
        print(f"| {r['case']} | {r['over']} | {r['connections']} | {r['hub_MB_per_s']:,.0f} "
              f"| {r['azurite_MB_per_s']:,.0f} | {r['ratio']:.1f} | {r['wanted']} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    try:
        interop.enter("node", "bench.blob_figures")
    except interop.Missing as missing:
        print(f"skipped: {missing}")
        return interop.SKIP
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mcu-ota-blobs-"))
    try:
        servers = Servers(options.build.absolute(), folder)
        try:
            records = list(measure(servers, options))
        finally:
            servers.close()
    finally:
        shutil.rmtree(folder)
    show(records)
    slack = LOADED if options.check else 1
    missed = [r for r in records if r["ratio"] < r["wanted"] * slack]
    for r in missed:
        print(f"missed: {r['case']} over {r['over']}: {r['ratio']} times Azurite, "
              f"wanted {r['wanted'] * slack}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
