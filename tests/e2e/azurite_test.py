"""Our Blob client against Azurite (npm package `azurite`), which we did not write.

Skipped unless OTA_AZURITE names its program azurite-blob or PATH has it.
"""

import os
import re
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from rig.process import Child, RigError, run  # noqa: E402

START_SECONDS_MAX = 30
SKIP = 77


def endpoint_of(azurite):
    deadline = time.monotonic() + START_SECONDS_MAX
    while True:
        line = azurite.next_line(deadline)
        if line is None:
            raise RigError(f"azurite ended at once; its log is {azurite.log_path}")
        listens = re.search(r"listens on (http://127\.0\.0\.1:\d+)", line)
        if listens:
            return listens.group(1) + "/devstoreaccount1"


def main():
    program = os.environ.get("OTA_AZURITE") or shutil.which("azurite-blob")
    if not program:
        print("skipped: OTA_AZURITE does not name azurite-blob")
        return SKIP
    folder = tempfile.mkdtemp(prefix="mcu-ota-azurite-")
    azurite = Child("azurite", [program, "--disableTelemetry", "--inMemoryPersistence",
                                "--blobHost", "127.0.0.1", "--blobPort", "0"],
                    os.path.join(folder, "log"))
    try:
        code, out, error = run([os.environ["REST_TEST"], "--gtest_filter=Azurite.*"], check=False,
                               environment={"OTA_AZURITE_ENDPOINT": endpoint_of(azurite)})
        print(out, error)
        return 1 if code != 0 or "[  SKIPPED ]" in out else 0
    finally:
        azurite.stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
