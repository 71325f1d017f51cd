"""The real agent in a storm: a hub and a blob server that misbehave, and SIGKILL at any moment.

Each round offers something to a device, breaks what can break, and then must come to the truth:
the right version on MCU and flash, and reported so. Nothing false may be reported on the way.

Usage: python3 -m tests.storm.storm_test BUILD_FOLDER [--rounds N] [--devices N] [--seed S]
       [--device D --round R]   one round of a device again, as that seed has planned it
"""

import argparse
import collections
import os
import pathlib
import shutil
import sys
import tempfile
import threading
import time

from tests.rig.certificates import Certificates
from tests.rig.process import RigError
from tests.storm import plan
from tests.storm.device import Device, StormError
from tests.storm.listener import Identities


class Storm:
    def __init__(self, options, folder):
        self._options = options
        strangers = Certificates(folder, "stranger-authority")
        identities = Identities(Certificates(folder), strangers)
        self.devices = [
            Device(folder, f"{options.build}/bin", identities, f"dev-{number}")
            for number in range(options.devices)
        ]
        self._lock = threading.Lock()
        self.failures = []
        self.rounds = 0

    def run(self):
        threads = [
            threading.Thread(target=self._weather_of, args=(number, device))
            for number, device in enumerate(self.devices)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _weather_of(self, number, device):
        """All rounds of one device; the first failure ends them."""
        try:
            device.run(plan.first_round())
            for one in self._rounds_of(number):
                if not self._round(number, device, one):
                    return
        except (RigError, StormError, OSError) as error:
            self._fail(f"device {number}: {error}")
        finally:
            try:
                device.close()
            except RigError as error:
                self._fail(f"device {number}: {error}")

    def _rounds_of(self, number):
        if self._options.round is not None:
            wanted = self._options.device or 0
            return [self._options.round] if number == wanted else []
        return range(number, self._options.rounds, len(self.devices))

    def _round(self, number, device, one):
        drawn = plan.draw(self._options.seed, number, one)
        begin = time.monotonic()
        try:
            device.run(drawn)
            problems = device.judge.wrongs
        except (RigError, StormError) as error:
            problems = [str(error), *device.judge.wrongs]
        if self._options.verbose or problems:
            print(
                f"device {number} round {one} ({time.monotonic() - begin:.1f} s): {drawn}",
                flush=True,
            )
        with self._lock:
            self.rounds += 1
        if problems:
            self._fail(f"device {number} round {one}: " + "; ".join(problems))
        return not problems

    def _fail(self, sentence):
        with self._lock:
            self.failures.append(sentence)


def arguments():
    seed = int(os.environ.get("OTA_TEST_SEED", time.time_ns() % 1_000_000))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--devices", type=int, default=4)
    parser.add_argument("--seed", type=int, default=seed)
    parser.add_argument("--device", type=int)
    parser.add_argument("--round", type=int)
    parser.add_argument("--verbose", action="store_true", help="each round and its plan")
    options = parser.parse_args()
    options.devices = max(options.devices, (options.device or 0) + 1)
    return options


def main():
    options = arguments()
    print(f"storm: --seed {options.seed}", flush=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mcu-ota-storm-"))
    begin = time.monotonic()
    storm = Storm(options, folder)
    storm.run()
    struck = collections.Counter()
    for device in storm.devices:
        struck += device.script.struck
    if options.verbose:
        for kind, count in sorted(struck.items()):
            print(f"  {kind} {count}")
    print(
        f"storm: {storm.rounds} rounds on {len(storm.devices)} devices in "
        f"{time.monotonic() - begin:.0f} s: {sum(struck.values())} faults of {len(struck)} kinds, "
        f"{sum(device.kills for device in storm.devices)} kills, "
        f"{sum(device.judge.reports for device in storm.devices)} reports judged, "
        f"{sum(device.judge.fetched_again for device in storm.devices):,} bytes fetched again"
    )
    for failure in storm.failures:
        print(f"storm: {failure}", file=sys.stderr)
    if storm.failures:
        print(f"storm: --seed {options.seed}; logs and flash are in {folder}", file=sys.stderr)
        sys.exit(1)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
