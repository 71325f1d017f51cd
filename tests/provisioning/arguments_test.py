"""setup_resources.sh and clean_resources.sh before they reach Azure: help, and what cannot be."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"
USAGE = 2


class Case(unittest.TestCase):
    def run_script(self, name, *arguments, **environment):
        """Without the Azure CLI on the path: whoever gets as far as that has accepted all else."""
        with tempfile.TemporaryDirectory() as folder:
            for program in ("bash", "dirname", "basename", "sed", "cat", "mktemp", "rm", "od",
                            "tr", "grep", "true"):
                pathlib.Path(folder, program).symlink_to(f"/usr/bin/{program}")
            done = subprocess.run(
                [SCRIPTS / f"{name}.sh", *arguments], capture_output=True, text=True, check=False,
                stdin=subprocess.DEVNULL,
                env={"PATH": folder, "HOME": folder, "MCU_OTA": "/usr/bin/true", **environment})
        return done.returncode, done.stdout, done.stderr

    def assert_refused(self, words, name, *arguments, code=USAGE, **environment):
        told, out, error = self.run_script(name, *arguments, **environment)
        self.assertEqual((told, out), (code, ""), error)
        self.assertRegex(error, f"^{name}: ")
        self.assertIn(words, error)


class Setup(Case):
    def test_help_names_every_option_and_ends_well(self):
        for flag in ("-h", "--help"):
            code, out, error = self.run_script("setup_resources", flag)
            self.assertEqual((code, error), (0, ""))
        accepted = re.findall(r"^ +(--[a-z-]+)\) need_value",
                              (SCRIPTS / "setup_resources.sh").read_text(), re.MULTILINE)
        self.assertGreater(len(accepted), 12)
        for option in accepted:
            self.assertRegex(out, f"(?m)^  {option} [A-Z]")
        self.assertIn("Examples:", out)

    def test_what_cannot_be_is_said_before_anything_is_asked_of_azure(self):
        for words, arguments in (
                ("unknown argument '--hubs'", ["--hubs", "x"]),
                ("unknown argument 'x'", ["x"]),
                ("--group needs a value", ["--group"]),
                ("must be F1 or S1", ["--tier", "S2"]),
                ("must be from 1 to 200", ["--tier", "S1", "--units", "201"]),
                ("must be from 1 to 200", ["--tier", "S1", "--units", "-1"]),
                ("F1 has one unit", ["--units", "2"]),
                ("must be 3 to 50", ["--hub", "-hub"]),
                ("must be 3 to 50", ["--dps", "a_b_c"]),
                ("must be 3 to 50", ["--hub", "@file"]),
                ("lower-case letters or digits", ["--storage", "With-Dash"]),
                ("must be 1 to 90", ["--group", "ends."]),
                ("must be a location", ["--location", "@x"]),
                ("must be symmetric, x509 or azsphere", ["--trust", "tpm"]),
                ("needs --ca-cert", ["--trust", "x509"]),
                ("belong to --trust x509", ["--ca-key", "/dev/null"]),
                ("cannot read /none", ["--trust", "x509", "--ca-cert", "/none"]),
                ("either --ca-key or --proof", ["--trust", "x509", "--ca-cert", "/dev/null",
                                                "--ca-key", "/dev/null", "--proof", "/dev/null"]),
                ("needs the tool 'azsphere'", ["--trust", "azsphere"])):
            with self.subTest(arguments):
                self.assert_refused(words, "setup_resources", *arguments)

    def test_the_environment_is_checked_as_the_options_are(self):
        self.assert_refused("must be F1 or S1", "setup_resources", MCU_OTA_TIER="free")
        self.assert_refused("must be 1 to 90", "setup_resources", MCU_OTA_GROUP="a b")
        self.assert_refused("must be from 1 to 200", "setup_resources", MCU_OTA_UNITS="many")

    def test_without_the_azure_cli_it_says_where_to_get_it(self):
        self.assert_refused("the Azure CLI is not installed", "setup_resources", code=1)
        self.assert_refused("the Azure CLI is not installed", "setup_resources", "--tier", "S1",
                            "--units", "200", code=1)

    def test_without_mcu_ota_it_says_how_to_build_it(self):
        if not any((SCRIPTS.parent / "build" / preset / "bin" / "mcu-ota").exists()
                   for preset in ("release", "dev")):
            self.assert_refused("build it with scripts/setup", "setup_resources", code=1,
                                MCU_OTA="/none")


class Clean(Case):
    def test_help_ends_well(self):
        code, out, error = self.run_script("clean_resources", "--help")
        self.assertEqual((code, error), (0, ""))
        for words in ("--group NAME", "--yes", "--force", "--subscription", "Exit codes:"):
            self.assertIn(words, out)

    def test_what_cannot_be_is_said_before_anything_is_asked_of_azure(self):
        for words, arguments in (("unknown argument 'pumps'", ["pumps"]),
                                 ("--group needs a value", ["--group"]),
                                 ("must be 1 to 90", ["--group", "a b"])):
            with self.subTest(arguments):
                self.assert_refused(words, "clean_resources", *arguments)

    def test_without_the_azure_cli_it_says_where_to_get_it(self):
        self.assert_refused("the Azure CLI is not installed", "clean_resources", code=1)


if __name__ == "__main__":
    os.umask(0o022)
    unittest.main(argv=sys.argv[:1])
