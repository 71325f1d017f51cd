"""What goes wrong with hub and agent: each case has its exit code and says what to do.

Usage: python3 -m tests.e2e.bad_setup_test BUILD_FOLDER
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unittest

from tests.e2e.kill_test import start_site
from tests.rig import process

BUILD = sys.argv.pop(1) if len(sys.argv) > 1 else "build/dev"
USAGE, CONFLICT = 2, 4


class BadSetup(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="mcu-ota-bad-")
        cls.path = pathlib.Path(cls.folder.name)
        cls.site = start_site(cls.path, BUILD)

    @classmethod
    def tearDownClass(cls):
        cls.site.close()
        cls.folder.cleanup()

    # ---- the hub itself ----
    def hub(self, *arguments):
        return process.run(
            [
                f"{BUILD}/bin/mcu-ota",
                "hub",
                "--profile",
                str(self.path / "unused.toml"),
                *map(str, arguments),
            ],
            check=False,
            timeout_s=20,
        )

    def test_port_taken(self):
        port = self.site.device_host.rsplit(":", 1)[1]
        code, _, err = self.hub(
            "--state", self.path / "second", "--mqtt-port", port, "--https-port", 0
        )
        self.assertEqual(code, 1)
        self.assertRegex(err, f"{port}")

    def test_second_hub_on_one_state_folder(self):
        code, _, err = self.hub("--state", self.path / "hub", "--mqtt-port", 0, "--https-port", 0)
        self.assertEqual(code, 1)
        self.assertRegex(err, "(?i)hub")

    def test_the_profile_of_a_hub_in_azure_is_kept(self):
        profile = self.path / "unused.toml"
        profile.write_text('kind = "azure"\n')
        self.addCleanup(profile.unlink)
        code, _, err = self.hub("--state", self.path / "third", "--mqtt-port", 0, "--https-port", 0)
        self.assertEqual(code, CONFLICT)
        self.assertRegex(err, r"unused\.toml is that of a hub in Azure.*--profile")
        self.assertEqual(profile.read_text(), 'kind = "azure"\n')
        self.assertFalse((self.path / "third").exists())

    def test_profile_of_a_relative_state_folder_serves_any_folder(self):
        profile = self.path / "relative.toml"
        state = os.path.relpath(self.path / "relative")
        arguments = [f"{BUILD}/bin/mcu-ota", "hub", "--json", "--state", state]
        arguments += ["--profile", str(profile), "--mqtt-port", "0", "--https-port", "0"]
        hub = process.Child("hub", arguments, self.path / "relative.log")
        self.addCleanup(hub.stop)
        facts = json.loads(hub.next_line(time.monotonic() + 20))
        self.assertEqual(facts["ca"], str(self.path / "relative/tls/ca.pem"))
        self.assertIn(facts["ca"], profile.read_text())

    # ---- the agent ----
    def agent(self, name):
        key = self.site.create_group(f"group-{name}", "pump", name)
        return self.site.add_agent(name, product="pump", group_key=key)

    def test_flash_file_of_the_wrong_size(self):
        agent = self.agent("wrong-size")
        agent.flash.write_bytes(b"old content" * 100)
        code, _, err = agent.command("run", check=False)
        self.assertNotEqual(code, 0)
        self.assertRegex(err, r"flash\.bin")
        self.assertEqual(agent.flash.stat().st_size, 1100)

    def test_two_agents_on_one_flash_file(self):
        agent = self.agent("twice")
        agent.start()
        agent.wait_for(lambda event: event["event"] == "connected", 30)
        code, _, err = agent.command("run", check=False)
        agent.stop()
        self.assertEqual(code, CONFLICT)
        self.assertRegex(err, "(?i)another|already")

    def test_agent_with_a_wrong_key_keeps_trying_and_says_why(self):
        agent = self.agent("wrong-key")
        key = self.path / "wrong.key"
        key.write_text("A" * 43 + "=\n")
        key.chmod(0o600)
        config = agent.folder / "agent.toml"
        config.write_text(
            re.sub(r'group_key_file = ".*"', f'group_key_file = "{key}"', config.read_text())
        )
        agent.start()
        event = agent.wait_for(lambda event: event["event"] == "disconnected", 30)
        agent.stop()
        self.assertRegex(event["reason"], "(?i)authori|key|refused")

    def test_agent_configuration_errors_name_line_and_column(self):
        config = self.path / "bad.toml"
        for text, pattern in [
            ("[identity]\ndevice_id = 5\n", r"bad\.toml:2:\d+"),
            ("[idendity]\n", "identity"),
            ("[identity]\ndevice_id = \"a\n", r"bad\.toml:2"),
        ]:
            with self.subTest(text=text):
                config.write_text(text)
                code, _, err = process.run(
                    [f"{BUILD}/bin/mcu-ota-agent", "--config", str(config)], check=False
                )
                self.assertEqual(code, USAGE)
                self.assertRegex(err, pattern)


class FullDisk(unittest.TestCase):
    """The hub's folder on a file system of 3 MiB; needs the right to mount one."""

    def test_upload_to_a_hub_without_room(self):
        with tempfile.TemporaryDirectory(prefix="mcu-ota-full-") as folder:
            mounted = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", "size=3m", "mcu-ota-test", folder],
                capture_output=True,
            )
            if mounted.returncode != 0:
                self.skipTest("may not mount a file system")
            try:
                self.check(pathlib.Path(folder))
            finally:
                subprocess.run(["umount", folder], check=True)

    def check(self, folder):
        with tempfile.TemporaryDirectory() as elsewhere:
            image = pathlib.Path(elsewhere) / "image.bin"
            image.write_bytes(os.urandom(6 * 1024 * 1024))
            site = start_site(folder, BUILD)
            try:
                code, _, err = site.operate("deploy", image, 1, "p", "g", check=False)
                self.assertEqual(code, 1, err)
                self.assertRegex(err, "(?i)storage|space|disk|507|500")
                image.write_bytes(os.urandom(10_000))
                self.assertEqual(
                    site.operate_json("deploy", image, 1, "p", "g")["result"], "created"
                )
            finally:
                site.close()


if __name__ == "__main__":
    unittest.main()
