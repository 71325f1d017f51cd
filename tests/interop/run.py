"""Runs one file of interop tests against a hub of its own, with the ports that the SDKs insist on.

Usage: python3 -m tests.interop.run BUILD node|python FILE [WORD...]

FILE is a name in tests/interop/node or tests/interop/python; further words go to the test runner.
The hub listens on 443 and 8883 in a network namespace that has nothing but loopback; where none can
be made, on an address of its own in 127.0.0.0/8. A comment "hub arguments: ..." in the first lines
of FILE gives the hub more arguments. Exit code 77 (skipped) says what the machine lacks.

The tests find in their environment: HUB_HOST, HUB_CA, HUB_WRONG_HOST (reaches the hub, but its
certificate does not name it; only in a namespace), IOTHUB_CONNECTION_STRING,
DPS_CONNECTION_STRING, STORAGE_CONNECTION_STRING, DPS_HOST, ID_SCOPE, GROUP_ID, GROUP_KEY,
DEVICE_CA and DEVICE_CA_KEY (an authority that the hub trusts for devices), INTEROP_FOLDER,
POLICY_KEYS (JSON: the primary key of each of the hub's policies), MCU_OTA, MCU_OTA_PROFILE,
AZURITE_BLOB.
"""

import errno
import fcntl
import hashlib
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import tomllib

from tests.rig.certificates import Certificates
from tests.rig.process import RigError
from tests.rig.site import Site

SKIP = 77
HERE = pathlib.Path(__file__).resolve().parent
PACKAGES = HERE.parents[1] / "third_party" / "interop"
LOCKS = {
    "node": ("package.json", "package-lock.json"),
    "python": ("build-requirements.txt", "requirements.txt"),
}
INSIDE = "OTA_INTEROP_NAMESPACE"  # set for the process that runs in the namespace
PORTS = (443, 8883)
HEAD_LINES = 20  # of a test file, where the hub's arguments may stand


class Missing(Exception):
    """The machine lacks something; the test is skipped."""


def demand_packages(language):
    """The packages that scripts/obtain_interop put there are those of the lock files."""
    locks = b"".join((HERE / language / name).read_bytes() for name in LOCKS[language])
    stamp = PACKAGES / f"{language}.sha256"
    wanted = hashlib.sha256(locks).hexdigest()
    if not stamp.is_file() or stamp.read_text(encoding="ascii").split()[0] != wanted:
        raise Missing(f"{PACKAGES / language} is not what the lock files say; run scripts/setup")


def enter_namespace(module):
    """Starts the module again without any network; returns where no namespace can be made."""
    for options in (["--net"], ["--user", "--map-root-user", "--net"]):
        command = ["unshare", *options]
        try:
            made = subprocess.run([*command, "true"], capture_output=True, check=False)
        except FileNotFoundError:
            return
        if made.returncode == 0:
            again = [sys.executable, "-m", module, *sys.argv[1:]]
            os.execvpe("unshare", command + again, {**os.environ, INSIDE: "1"})


def raise_loopback():
    """What `ip link set lo up` does (linux/if.h: SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(control, 0x8913, request))[1]
        fcntl.ioctl(control, 0x8914, struct.pack("16sH14x", b"lo", flags | 1))


def enter(language, module):
    """What a program does first that meets the peers: their packages are there, and it has no
    network but loopback, where a namespace can be made. Raises Missing."""
    demand_packages(language)
    if INSIDE in os.environ:
        raise_loopback()
    else:
        enter_namespace(module)


def free_address():
    """An address of this machine on which both ports are free."""
    for step in range(200):
        address = f"127.0.0.{2 + (os.getpid() + step) % 250}"
        try:
            for port in PORTS:
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind((address, port))
            return address
        except OSError as error:
            if error.errno == errno.EACCES:
                raise Missing("no network namespace, and no right to listen on 443") from None
    raise Missing("ports 443 and 8883 are taken on 200 loopback addresses")


def listen_arguments():
    """The hub's arguments, its address, and an address that its certificate does not name."""
    if INSIDE in os.environ:
        return ["--listen", "0.0.0.0", "--host", "127.0.0.1"], "127.0.0.1", "127.0.0.2"
    address = free_address()
    return ["--listen", address], address, None


def hub_arguments(file):
    head = file.read_text(encoding="utf-8").splitlines()[:HEAD_LINES]
    found = re.search(r"hub arguments: (.*)", "\n".join(head))
    return shlex.split(found.group(1)) if found else []


def policy_keys(site):
    """The hub hands out its owner's key only; the others lie in its state, which it keeps locked:
    so a copy is read."""
    copy = site.folder / "state-copy"
    copy.mkdir()
    for file in (site.folder / "hub").glob("hub.sqlite*"):
        shutil.copy(file, copy)
    state = sqlite3.connect(copy / "hub.sqlite")
    try:
        return dict(state.execute("SELECT name, primary_key FROM policy WHERE service = 'hub'"))
    finally:
        state.close()


def environment_of(site, facts, address, wrong_address, authority):
    profile = tomllib.loads(pathlib.Path(facts["profile"]).read_text(encoding="utf-8"))
    found = {
        "HUB_HOST": address,
        "HUB_CA": facts["ca"],
        "IOTHUB_CONNECTION_STRING": profile["iothub_connection_string"],
        "DPS_CONNECTION_STRING": profile["dps_connection_string"],
        "STORAGE_CONNECTION_STRING": profile["storage_connection_string"],
        "DPS_HOST": profile["dps_host"],
        "ID_SCOPE": profile["id_scope"],
        "GROUP_ID": profile["enrollment_group_id"],
        "GROUP_KEY": profile["enrollment_group_key"],
        "DEVICE_CA": str(authority[0]),
        "DEVICE_CA_KEY": str(authority[1]),
        "INTEROP_FOLDER": str(site.folder),
        "POLICY_KEYS": json.dumps(policy_keys(site)),
        "MCU_OTA": str(site.binaries / "mcu-ota"),
        "MCU_OTA_PROFILE": facts["profile"],
        "AZURITE_BLOB": str(PACKAGES / "node/node_modules/.bin/azurite-blob"),
        "NODE_EXTRA_CA_CERTS": facts["ca"],
        "NODE_PATH": str(PACKAGES / "node/node_modules"),
        "REQUESTS_CA_BUNDLE": facts["ca"],
        "PYTHONDONTWRITEBYTECODE": "1",
        "NO_PROXY": "*",
    }
    if wrong_address:
        found["HUB_WRONG_HOST"] = wrong_address
    # No proxy of the machine may stand between a test and its hub.
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    return {**kept, **found}


def command_of(language, file, words):
    if language == "node":
        # A client that a failed test left behind must not keep the run alive. Not in Node 18.
        force = ["--test-force-exit"]
        known = subprocess.run(["node", *force, "--version"], capture_output=True, check=False)
        force = force if known.returncode == 0 else []
        return ["node", "--test", "--test-reporter=spec", *force, *words, file]
    python = PACKAGES / "python/bin/python"
    return [python, "-W", "ignore", "-m", "unittest", "-v", *words, file.stem]


def run_file(build, language, file, words):
    arguments, address, wrong_address = listen_arguments()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mcu-ota-interop-"))
    (folder / "ca").mkdir()
    authority = Certificates(folder / "ca").authority
    site = Site(folder, build / "bin")
    failed = True
    try:
        facts = site.start_hub(
            PORTS[1], PORTS[0],
            [*arguments, "--device-ca", authority[0], *hub_arguments(file)],
        )
        environment = environment_of(site, facts, address, wrong_address, authority)
        tests = subprocess.run(command_of(language, file, words), env=environment,
                               cwd=file.parent, check=False)
        hub_code = site.stop_hub()
        if hub_code != 0:
            print(f"interop: the hub ended with code {hub_code}", file=sys.stderr)
        failed = tests.returncode != 0 or hub_code != 0
    finally:
        site.close()
        log = folder / "hub.log"
        if failed and log.is_file():
            print("--- the hub's log ends with\n" + "\n".join(log.read_text().splitlines()[-40:]))
        shutil.rmtree(folder)
    return 1 if failed else 0


def main():
    if len(sys.argv) < 4 or sys.argv[2] not in LOCKS:
        print(__doc__, file=sys.stderr)
        return 2
    build, language, file, *words = sys.argv[1:]
    file = HERE / language / file
    if not file.is_file():
        print(f"interop: there is no {file}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no child is left behind
    try:
        enter(language, "tests.interop.run")
        return run_file(pathlib.Path(build).absolute(), language, file, words)
    except Missing as missing:
        print(f"skipped: {missing}")
        return SKIP
    except RigError as error:
        print(f"interop: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
