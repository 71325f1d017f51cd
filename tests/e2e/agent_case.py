"""What the tests of the agent against the hub share: a site for each class, and offers."""

import hashlib
import os
import pathlib
import sys
import tempfile
import unittest

from tests.rig.rest import Service
from tests.rig.site import Site

BUILD = sys.argv.pop(1) if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else "build/dev"
PRODUCT = "pump"
KIB = 1024
SLOW = "200k"  # bytes per second: slow enough to act during a download


class AgentCase(unittest.TestCase):
    """One hub for all tests of a class; each test has devices and a group of its own."""

    HUB_ARGUMENTS = ()

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="mcu-ota-agent-")
        cls.addClassCleanup(folder.cleanup)
        cls.path = pathlib.Path(folder.name)
        cls.addClassCleanup(lambda: cls.site.close())
        cls.site = Site(cls.path, f"{BUILD}/bin")
        cls.prepare()
        cls.site.start_hub(arguments=cls.HUB_ARGUMENTS)
        cls.hub = Service(cls.site.profile)

    @classmethod
    def prepare(cls):
        """Before the hub starts."""

    def setUp(self):
        self.name = self._testMethodName.removeprefix("test_").replace("_", "-")

    def add_agent(self, name=None, **settings):
        """A device in the group of this test, with its own enrollment group."""
        name = name or self.name
        key = self.site.create_group(name, PRODUCT, self.name)
        return self.site.add_agent(
            name, product=PRODUCT, **{"group_key": key, "event_bytes": 16 * KIB, **settings}
        )

    def start(self, agent):
        agent.start()
        self.addCleanup(agent.stop)
        return self.wait_connected(agent)

    def wait_connected(self, agent):
        return agent.wait_for(lambda event: event["event"] == "connected", 30)

    def wait_progress(self, agent, percent):
        return agent.wait_for(
            lambda event: event["event"] == "progress" and event["percent"] >= percent
        )

    def wait_acknowledged(self, agent, outcome):
        agent.wait_for(
            lambda event: event["event"] == "acknowledged" and event["number"] == outcome["number"]
        )

    def wait_code(self, agent, code, timeout_s=30):
        return agent.wait_for(lambda event: event.get("code") == code, timeout_s)

    def image(self, kib=64):
        path = self.path / f"{self.name}-{os.urandom(4).hex()}.bin"
        path.write_bytes(os.urandom(kib * KIB))
        return path

    def deploy(self, image, version, group=None):
        return self.site.operate_json("deploy", image, version, PRODUCT, group or self.name)

    def offer(self, content, version, **keys):
        """The public sample's keys for a blob put in place by hand."""
        path = f"firmware/{self.name}-{version}.bin"
        self.hub.put_blob(path, content)
        return {
            "version": version,
            "size": len(content),
            "url": self.hub.blob_url(path),
            "sas": self.hub.blob_token(path),
            "sha256": hashlib.sha256(content).hexdigest().upper(),
            **keys,
        }

    def assert_applied(self, agent, version, image, timeout_s=60):
        """Waits for the outcome; agent and hub agree on it, and the flash holds the image."""
        outcome = agent.wait_outcome(version, timeout_s)
        self.assertEqual((outcome["status"], outcome["code"]), ("applied", "none"), outcome)
        self.wait_acknowledged(agent, outcome)
        reported = self.hub.reported(agent.name)
        self.assertEqual((reported["Status"], reported["Version"]), ("applied", version))
        self.assertEqual(agent.stop(), 0)
        content = image if isinstance(image, bytes) else image.read_bytes()
        self.assertEqual(agent.read_image(), content)
        return outcome

    def count(self, agent, event):
        return sum(1 for seen in agent.events if seen["event"] == event)

    def log_of(self, agent):
        return (agent.folder / "agent.log").read_text()
