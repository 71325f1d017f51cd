"""Runs the two scripts with the real Azure CLI against the double, where there is no network.

Every program that the scripts start is started through a wrapper that writes its command line
down: so a test can say that no secret was ever on one.
"""

import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from tests.interop.run import INSIDE, enter_namespace, raise_loopback
from tests.provisioning.arm_double import TENANT, ResourceManager
from tests.provisioning.resources import Access, Subscription
from tests.rig.certificates import Certificates
from tests.rig.site import CLEAN

ROOT = pathlib.Path(__file__).resolve().parents[2]
SKIP = 77
CLI_VERSION = "2.45.0"  # what scripts/obtain_azure_cli installs
RUN_LIMIT_S = 240
APPLICATION, PASSWORD = "app-1", "a pass word = \"with\" $everything' @"


def main():
    """Of every file of tests here: into a namespace, and skipped without it or without az."""
    module = pathlib.Path(sys.argv[0]).stem
    if INSIDE not in os.environ:
        if not shutil.which("az"):
            print("az is not installed: scripts/obtain_azure_cli", file=sys.stderr)
            sys.exit(SKIP)
        enter_namespace(f"tests.provisioning.{module}")
        print("no network namespace can be made here, and az must not reach any network",
              file=sys.stderr)
        sys.exit(SKIP)
    raise_loopback()
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])


class ProvisioningCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.top = pathlib.Path(tempfile.mkdtemp(prefix="ota-provision-"))
        cls.addClassCleanup(shutil.rmtree, cls.top)
        cls.build = pathlib.Path(sys.argv[1]).absolute()
        cls.certificates = Certificates(cls.top)
        cls.double = ResourceManager(cls.certificates.context("double"), Access(), APPLICATION,
                                     PASSWORD)
        cls.addClassCleanup(cls.double.close)
        cls.bundle = cls.top / "trusted.pem"
        cls.bundle.write_bytes(cls.certificates.authority[0].read_bytes())
        cls._register_cloud()

    @classmethod
    def _register_cloud(cls):
        """The endpoints of the double, as a user of a private cloud registers them."""
        cls.cloud = cls.top / "cloud"
        environment = {**os.environ, "AZURE_CONFIG_DIR": str(cls.cloud),
                       "AZURE_CORE_COLLECT_TELEMETRY": "0"}
        url = cls.double.url
        endpoints = {"resource-manager": url, "active-directory": f"{url}/{TENANT}",
                     "active-directory-resource-id": url, "management": url, "gallery": url,
                     "active-directory-graph-resource-id": url}
        arguments = [word for name, value in endpoints.items()
                     for word in (f"--endpoint-{name}", value)]
        for command in (["register", *arguments, "--suffix-storage-endpoint", "double.invalid"],
                        ["set"]):
            subprocess.run(["az", "cloud", *command, "--name", "double"], check=True,
                           env=environment, capture_output=True)
        told = subprocess.run(["az", "version", "--output", "tsv", "--query", '"azure-cli"'],
                              check=True, env=environment, capture_output=True, text=True)
        if told.stdout.strip() != CLI_VERSION:
            print(f"az is {told.stdout.strip()}; the suite is written for {CLI_VERSION}")

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=self.top))
        self.profile = self.folder / "deep" / "profile.toml"
        self.command_lines = self.folder / "command-lines"
        self.temporary = self.folder / "temporary"
        self.temporary.mkdir()
        shutil.copytree(self.cloud, self.folder / "az")
        self._reset_double(Access())
        self._wrap_programs()
        self.output = ""  # of all runs of this test

    def _reset_double(self, access):
        self.double.subscription = Subscription(access)
        self.double.dps.__init__(self.double.subscription)
        self.double.requests.clear()
        self.double.unknown.clear()
        self.double.drop = lambda method, path: False
        self.double.before = lambda method, path: None

    def _wrap_programs(self):
        self.programs = self.folder / "programs"
        self.programs.mkdir()
        words = set()
        for script in ("azure_login", "setup_resources", "clean_resources"):
            words |= set(re.findall(r"[a-z]+", (ROOT / f"scripts/{script}.sh").read_text()))
        for word in words - {"mcu"}:
            found = shutil.which(word)
            if found:
                self.wrap(word, found)
        self.wrap("mcu-ota", self.build / "bin" / "mcu-ota")

    def wrap(self, name, program):
        wrapper = self.programs / name
        wrapper.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$0 $*${{PASSWORD:+ with the password}}\""
                           f" >>'{self.command_lines}'\nexec '{program}' \"$@\"\n")
        wrapper.chmod(0o755)

    def environment(self, **more):
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("MCU_OTA", "AZURE", "XDG"))}
        return {**kept, **CLEAN, "HOME": str(self.folder), "TMPDIR": str(self.temporary),
                "PATH": f"{self.programs}:{os.environ['PATH']}",
                "AZURE_CONFIG_DIR": str(self.folder / "az"), "AZURE_CORE_COLLECT_TELEMETRY": "0",
                "REQUESTS_CA_BUNDLE": str(self.bundle), "APP_ID": APPLICATION,
                "PASSWORD": PASSWORD, "TENANT_ID": TENANT, "MCU_OTA": "", **more}

    def run_script(self, name, *arguments, **environment):
        """(exit code, standard output, standard error)"""
        done = subprocess.run([str(ROOT / "scripts" / f"{name}.sh"), *map(str, arguments)],
                              env=self.environment(**environment), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=RUN_LIMIT_S, check=False)
        self.output += done.stdout + done.stderr
        return done.returncode, done.stdout, done.stderr

    def setup(self, *arguments, code=0, **environment):
        """Runs the set-up; the code is as expected. Returns what it wrote to standard error."""
        told, _, error = self.run_script("setup_resources", "--profile", self.profile, *arguments,
                                         **environment)
        self.assertEqual(told, code, error)
        return error

    def clean(self, *arguments, code=0):
        told, out, error = self.run_script("clean_resources", *arguments)
        self.assertEqual(told, code, error)
        return out + error

    def on_terminal(self, name, *arguments, typed):
        """On a terminal, with a line typed when the script asks; (exit code, what it showed)."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(ROOT / "scripts" / f"{name}.sh", [name, *arguments], self.environment())
        shown, deadline, answered = b"", time.monotonic() + RUN_LIMIT_S, False
        while True:
            self.assertLess(time.monotonic(), deadline, shown)
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                piece = os.read(terminal, 4096)
            except OSError:  # how a terminal ends on Linux
                break
            if not piece:
                break
            shown += piece
            if b"to go on:" in shown and not answered:
                os.write(terminal, typed.encode() + b"\n")
                answered = True
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()

    def start_script(self, name, *arguments):
        """In a process group of its own, which takes signals as from a terminal."""
        return subprocess.Popen(
            [str(ROOT / "scripts" / f"{name}.sh"), *map(str, arguments)], env=self.environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
            # Who runs the tests in the background ignores it, and so would the script.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

    # ---- what must hold ----
    def group(self, name="mcu-ota"):
        return self.double.subscription.groups[name]

    def kinds(self, name="mcu-ota"):
        return sorted(r.kind.split("/")[-1] for r in self.group(name).resources.values())

    def assert_no_secret_shown(self):
        commands = self.command_lines.read_text()
        self.assertIn("az login", commands.replace(f"{self.programs}/", ""))
        # Nor in the environment, but of those that find the script itself.
        exposed = {line.removeprefix(f"{self.programs}/").split()[0]
                   for line in commands.splitlines() if line.endswith(" with the password")}
        self.assertEqual(exposed - {"bash", "dirname", "basename"}, set())
        files = [path.read_text() for path in self.folder.glob("az/*") if path.is_file()]
        for secret in (PASSWORD, *self.double.subscription.access.secrets()):
            self.assertNotIn(secret, commands)
            self.assertNotIn(secret, self.output)
            self.assertNotIn(secret, "".join(files))
        return commands

    def tearDown(self):
        self.assertEqual(self.double.unknown, [], "the double was asked what it does not model")
        self.assertEqual(list(self.temporary.iterdir()), [], "a script left something behind")
