"""Our Blob client against Azurite (npm package `azurite`), which we did not write.

Skipped unless scripts/setup has obtained it. Runs in a network namespace where one can be made:
Azurite shall tell nobody anything.

Usage: python3 -m tests.e2e.azurite_test REST_TEST
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from tests.interop import run as interop
from tests.interop.python import blob_wire
from tests.interop.python.azurite import Azurite

# Azurite's own account; the test in C++ has its key too.
ACCOUNT = blob_wire.Account(
    "devstoreaccount1",
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
)


def main():
    try:
        interop.enter("node", "tests.e2e.azurite_test")
    except interop.Missing as missing:
        print(f"skipped: {missing}")
        return interop.SKIP
    folder = pathlib.Path(tempfile.mkdtemp(prefix="mcu-ota-azurite-"))
    program = interop.PACKAGES / "node/node_modules/.bin/azurite-blob"
    try:
        azurite = Azurite(program, ACCOUNT, folder)
        try:
            endpoint = f"http://127.0.0.1:{azurite.port}/{ACCOUNT.name}"
            done = subprocess.run(
                [sys.argv[1], "--gtest_filter=Azurite.*"],
                env={**os.environ, "OTA_AZURITE_ENDPOINT": endpoint},
                capture_output=True, text=True, check=False,
            )
        finally:
            azurite.stop()
    finally:
        shutil.rmtree(folder)
    print(done.stdout, done.stderr)
    return 1 if done.returncode != 0 or "[  SKIPPED ]" in done.stdout else 0


if __name__ == "__main__":
    sys.exit(main())
