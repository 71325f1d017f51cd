"""A local hub on free ports and the operator's program, for tests of what an operator sees."""

import json
import os
import shutil
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from rig.process import Child, run  # noqa: E402

PROGRAM = os.environ["MCU_OTA"]
START_SECONDS_MAX = 20

# Nothing of the caller's environment may choose another hub.
CLEAN = {"AZURE_IOTHUB_CONNECTIONSTRING": "", "AZURE_STORAGE_CONNECTIONSTRING": "",
         "AZURE_DPS_CONNECTIONSTRING": "", "MCU_OTA_PROFILE": ""}


class Operator:
    """Calls mcu-ota with one profile."""

    def __init__(self, profile):
        self.profile = profile

    def call(self, *arguments, environment=None):
        """(exit code, stdout, stderr)"""
        return run([PROGRAM, "--profile", self.profile, *arguments],
                   environment={**CLEAN, **(environment or {})}, check=False)

    def json(self, *arguments):
        """(exit code, the document on stdout)"""
        code, out, _ = self.call("--json", *arguments)
        return code, json.loads(out)


class FolderCase(unittest.TestCase):
    """A folder that is gone after the test."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mcu-ota-test-")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def file(self, name, content=b"firmware", size=None):
        with open(self.path(name), "wb") as out:
            out.write(content)
            if size is not None:
                out.truncate(size)
        return self.path(name)


class HubCase(FolderCase):
    """A hub of its own for each test."""

    def setUp(self):
        super().setUp()
        self.operator = Operator(self.path("profile.toml"))
        self.start_hub()

    def start_hub(self):
        self.hub = Child("hub", [PROGRAM, "hub", "--json", "--state", self.path("state"),
                                 "--mqtt-port", "0", "--https-port", "0",
                                 "--profile", self.operator.profile],
                         self.path("hub.log"), CLEAN)
        self.addCleanup(self.hub.stop)
        line = self.hub.next_line(time.monotonic() + START_SECONDS_MAX)
        self.assertIsNotNone(line, f"the hub did not start; its log: {self.log()}")
        self.facts = json.loads(line)

    def log(self):
        with open(self.path("hub.log"), encoding="utf-8", errors="replace") as log:
            return log.read()
