"""The demo: one hub, four devices, good and bad releases, a killed agent and a lost network.

What it claims is checked on the flash images, not on the reports.

Exit code 0 only if every device ends on the right bytes and the untouched one was not touched.
"""

import argparse
import hashlib
import pathlib
import shutil
import signal
import sys
import threading
import time

from .process import RigError
from .site import Site
from .socks import Relay
from .terminal import Terminal

PRODUCT = "prime-hub"
FIRMWARE = [
    pathlib.Path(f"third_party/firmware/prime-hub-{version}.bin")
    for version in ("7.27.0", "7.28.0")
]
# PC firmware: several megabytes that every Debian machine can have.
STAND_IN = pathlib.Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
RELEASE_BYTES = 256 * 1024  # of a piece that stands for a release
LARGE_RATE = "900k"
KILL_AT_PERCENT = 40
CUT_AT_PERCENT = 40
NETWORK_AWAY_S = 3.0

# Physical limit of a W25Q128JV at 40 MHz for 1 MiB, in virtual seconds: programming, erasing, bus
# and one read-back (docs/benchmarks.md).
LIMIT_S_PER_MIB = 4.46


class Demo:
    def __init__(self, options, releases, large):
        self.terminal = Terminal()
        self.begin = time.monotonic()
        self.folder = options.state.absolute()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.site = Site(self.folder, options.build.absolute() / "bin")
        self.releases = releases
        self.large = large
        self.relay = Relay()
        self.lab = []
        self.stored_bytes = 0  # of all releases; every lab device stores each of them

    # ---- the story ----
    def run(self):
        self.terminal.title(
            "mcu-ota demo: everything on this machine, over MQTT/TLS and HTTPS; "
            "the flash chips and the MCU are simulated"
        )
        self.start_hub()
        self.start_devices()
        self.deploy_good(1, self.releases[0])
        self.deploy_good(2, self.releases[1])
        self.deploy_bad(3)
        self.deploy_large(4)
        self.show_status()
        return self.check()

    def start_hub(self):
        self.terminal.step("A local hub starts: IoT Hub, DPS and Blob Storage in one process")
        facts = self.site.start_hub()
        self.terminal.note(f"devices at {facts['device_host']}, operators at {facts['hub_host']}")
        self.terminal.note(f"profile for the other commands: {facts['profile']}")

    def start_devices(self):
        self.terminal.step("Three devices of group lab and one of group field register through DPS")
        lab_key = self.site.create_group("lab-devices", PRODUCT, "lab")
        field_key = self.site.create_group("field-devices", PRODUCT, "field")
        virtual_mcu = self.site.binaries / "mcu-ota-virtual-mcu"
        mcu_state = self.folder / "lab-1-mcu"
        mcu = {
            "programmer": "command",
            "program": f"'{virtual_mcu}' program --state '{mcu_state}' --rate 4000000 --any-image",
            "version_command": f"'{virtual_mcu}' version --state '{mcu_state}' --any-image",
            "confirm_timeout_s": 2,
            "confirm_interval_s": 1,
        }
        common = {"product": PRODUCT, "max_rate": LARGE_RATE}
        self.lab = [
            self.site.add_agent("lab-1", group_key=lab_key, mcu=mcu, **common),
            self.site.add_agent("lab-2", group_key=lab_key, **common),
            self.site.add_agent("lab-3", group_key=lab_key, proxy_port=self.relay.port, **common),
        ]
        field = self.site.add_agent("field-1", group_key=field_key, **common)
        for agent in [*self.lab, field]:
            agent.start()
        for agent in [*self.lab, field]:
            agent.wait_for(lambda event: event["event"] == "connected", 30)
        self.terminal.note(
            "lab-1 programs a virtual MCU by command; "
            "the others keep the verified image on their flash"
        )

    def deploy_good(self, version, image):
        self.terminal.step(
            f"Release {version}, {image.name} ({image.stat().st_size:,} bytes), "
            "is deployed to group lab"
        )
        self.deploy(image, version)
        for agent, outcome in self.outcomes(version).items():
            self.expect(
                outcome["status"] == "applied",
                f"{agent} ended with {outcome['status']}: {outcome['detail']}",
            )
        self.terminal.note("all three report: applied")

    def deploy_bad(self, version):
        image = self.folder / "bad-release.bin"
        good = self.releases[1].read_bytes()
        image.write_bytes(b"\xff" * 64 + good[64:])
        self.terminal.step(
            f"Release {version} is broken: its vector table is missing, so no MCU starts it"
        )
        self.deploy(image, version)
        outcomes = self.outcomes(version)
        rolled_back = outcomes["lab-1"]
        self.expect(
            rolled_back["code"] == "rolled_back" and rolled_back["version"] == 2,
            f"lab-1 must report rolled_back and version 2, not {rolled_back}",
        )
        self.terminal.note(f"lab-1 reports: {rolled_back['code']}. {rolled_back['detail']}")
        self.terminal.note("lab-2 and lab-3 have no MCU to ask; they stored it")

    def deploy_large(self, version):
        size = self.large.stat().st_size
        self.terminal.step(
            f"Release {version}, {self.large.name} ({size:,} bytes), at {LARGE_RATE} bytes/s; "
            "lab-2 is killed, "
            "lab-3 loses its network"
        )
        self.deploy(self.large, version)
        disturbed = {"killed": False, "cut": None}

        def disturb(agent, event):
            percent = event["percent"] if event["event"] == "progress" else 0
            if agent.name == "lab-2" and percent >= KILL_AT_PERCENT and not disturbed["killed"]:
                disturbed["killed"] = True
                agent.kill()
                agent.start()
                self.terminal.note(f"lab-2: SIGKILL at {percent} %, started again")
            if agent.name == "lab-3" and percent >= CUT_AT_PERCENT and disturbed["cut"] is None:
                disturbed["cut"] = threading.Timer(NETWORK_AWAY_S, self.relay.restore)
                self.relay.cut()
                disturbed["cut"].start()
                self.terminal.note(f"lab-3: network lost at {percent} % for {NETWORK_AWAY_S:.0f} s")

        for agent, outcome in self.outcomes(version, disturb).items():
            self.expect(
                outcome["status"] == "applied",
                f"{agent} ended with {outcome['status']}: {outcome['detail']}",
            )
        self.expect(
            disturbed["killed"] and disturbed["cut"] is not None,
            "the download was too short to be disturbed",
        )
        self.terminal.note("all three report: applied")

    # ---- its steps ----
    def deploy(self, image, version):
        self.stored_bytes += image.stat().st_size
        result = self.site.operate_json("deploy", image, version, PRODUCT, "lab")
        self.terminal.note(f"mcu-ota deploy: configuration {result['configuration']}")

    def outcomes(self, version, on_event=None):
        """Waits until each lab device has the outcome of this version; shows progress meanwhile."""
        results, percents = {}, {agent.name: 0 for agent in self.lab}
        lock, failures = threading.Lock(), []

        def follow(agent):
            def seen(who, event):
                with lock:
                    if event["event"] == "progress":
                        percents[who.name] = event["percent"]
                        self.terminal.bars(percents)
                    if on_event:
                        on_event(who, event)

            try:
                outcome = agent.wait_outcome(version, 60, seen)
                # The hub has it too: what the operator sees next is not behind.
                number = outcome["number"]
                agent.wait_for(
                    lambda e: e["event"] == "acknowledged" and e["number"] >= number, 30
                )
                results[agent.name] = outcome
            except RigError as error:
                failures.append(str(error))

        threads = [threading.Thread(target=follow, args=(agent,)) for agent in self.lab]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise RigError("; ".join(failures))
        return results

    def show_status(self):
        self.terminal.step("What the operator sees: mcu-ota status")
        for line in self.site.operate("status")[1].rstrip().splitlines():
            self.terminal.note(line)

    # ---- the proof ----
    def check(self):
        self.terminal.step("The proof: agents and hub stop, the flash images are read")
        for agent in self.site.agents.values():
            agent.stop()
        wanted = self.large.read_bytes()
        rows, right, wrong = [], 0, 0
        for agent in self.lab:
            image = agent.read_image()
            good = image == wanted
            right, wrong = right + good, wrong + (not good)
            outcome = [event for event in agent.events if event["event"] == "outcome"][-1]
            flash_s, limit_s = agent.flash_seconds(), LIMIT_S_PER_MIB * self.stored_bytes / (
                1 << 20
            )
            digest = hashlib.sha256(image or b"").hexdigest()
            rows.append(
                [
                    agent.name,
                    outcome["version"],
                    digest[:16] + (" right" if good else " WRONG"),
                    f"{outcome['fetched']:,} of {len(wanted):,}",
                    f"{flash_s:.1f} (limit {limit_s:.1f}, {flash_s / limit_s:.2f} x)",
                ]
            )
        field = self.site.agents["field-1"]
        untouched = (
            field.read_image() is None
            and field.read_image("candidate") is None
            and not any(event["event"] == "offer" for event in field.events)
        )
        rows.append([field.name, 0, "no image" if untouched else "TOUCHED", "0", ""])
        self.terminal.note(
            f"all of it took {time.monotonic() - self.begin:.0f} s; flash files, logs and the "
            f"hub's state stay in {self.folder}"
        )
        print()
        self.terminal.table(
            [
                "device",
                "version",
                "SHA-256 read from the flash",
                "bytes fetched",
                "flash seconds, all releases",
            ],
            rows,
        )
        print(
            f"\ndemo: {right} devices on the right version, {int(untouched)} untouched, "
            f"{wrong + (not untouched)} wrong"
        )
        return 0 if right == len(self.lab) and untouched else 1

    @staticmethod
    def expect(condition, otherwise):
        if not condition:
            raise RigError(otherwise)


def pieces_of(file, folder):
    """Two releases cut out of a user's file, where real MCU firmware could not be obtained.

    Both begin as the file does: what an MCU starts is decided by the first bytes.
    """
    content = file.read_bytes()
    size = min(RELEASE_BYTES, len(content) // 4)
    folder.mkdir(parents=True, exist_ok=True)
    releases = [folder / "release-1.bin", folder / "release-2.bin"]
    for number, path in enumerate(releases, 1):
        path.write_bytes(content[: number * size])
    return releases


def choose_images(options):
    """The two releases and the large image, or a RigError that says what is missing."""
    large = options.file or STAND_IN
    if not large.is_file() or large.stat().st_size == 0:
        raise RigError(f"{large} is no file with content; give a firmware image: scripts/demo FILE")
    if all(path.is_file() for path in FIRMWARE):
        return FIRMWARE, large
    if options.file is None:
        raise RigError("the MCU firmware could not be obtained; give an image: scripts/demo FILE")
    return pieces_of(large, options.build / "demo"), large


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "file", nargs="?", metavar="FILE", type=pathlib.Path, help="the image of the large update"
    )
    parser.add_argument("--build", type=pathlib.Path, default="build/dev", help="built programs")
    parser.add_argument("--state", type=pathlib.Path, default="demo-state", help="made anew")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no child is left behind
    try:
        releases, large = choose_images(options)
        demo = Demo(options, releases, large)
        try:
            return demo.run()
        finally:
            demo.site.close()
    except RigError as error:
        print(f"\ndemo: failed: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
