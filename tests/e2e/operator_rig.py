"""A local hub on free ports and the operator's program, for tests of what an operator sees."""

import json
import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from rig.process import run  # noqa: E402
from rig.site import CLEAN, Site  # noqa: E402

PROGRAM = os.environ["MCU_OTA"]


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
        self.site = Site(self.folder, os.path.dirname(PROGRAM))
        self.addCleanup(self.site.close)
        self.facts = self.site.start_hub()
        self.operator = Operator(self.site.profile)
