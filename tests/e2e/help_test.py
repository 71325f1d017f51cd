"""A new user finds every verb from `mcu-ota --help`; output that cannot be written is said."""

import os
import re
import subprocess
import unittest

from operator_rig import CLEAN, PROGRAM, FolderCase, HubCase, run
from verbs import all_verbs, help_of, top_verbs

DOCUMENT = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "cli.md")
GROUPS = ["Deploy and follow", "Change a rollout", "Devices and who they are",
          "Local hub and simulation", "Other"]


def documented_verbs():
    """The verbs in the first column of the first table of docs/cli.md."""
    with open(DOCUMENT, encoding="utf-8") as file:
        table = file.read().partition("| verb | does |\n")[2].partition("\n\n")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    tops = {verb for _, verb, _ in top_verbs()}
    found = set()
    for row in rows:
        noun = ()  # "`device list`, `show`": what follows is below the noun too
        for place, span in enumerate(re.findall(r"`([^`]+)`", row.split("|")[1])):
            words = tuple(word for word in span.split() if re.fullmatch(r"[a-z][a-z-]*", word))
            if place == 0 and len(words) > 1:
                noun = words[:1]
            found.add(words if place == 0 or (not noun and words[0] in tops) else noun + words)
    return found


class Help(unittest.TestCase):
    def test_verbs_stand_in_groups(self):
        groups = [group for group, _, _ in top_verbs()]
        self.assertEqual(sorted(set(groups), key=groups.index), GROUPS)
        self.assertEqual(groups, sorted(groups, key=GROUPS.index))

    def test_without_arguments_the_help_is_shown(self):
        code, out, error = run([PROGRAM], check=False)
        self.assertEqual((code, error), (0, ""))
        self.assertEqual(out, help_of())

    def test_each_verb_has_a_description_and_an_example(self):
        for words in all_verbs():
            with self.subTest(verb=" ".join(words)):
                text = help_of(*words)
                first, _, rest = text.partition("\n")
                self.assertGreater(len(first), 10)
                self.assertRegex(rest, r"(?m)^Examples?:\n  mcu-ota " + " ".join(words))

    def test_each_verb_has_a_row_in_the_document_and_no_row_is_stale(self):
        self.assertEqual(documented_verbs(), set(all_verbs()))

    def test_there_are_no_colours(self):
        for environment in ({"NO_COLOR": "1"}, {}):
            _, out, _ = run([PROGRAM, "--help"], environment=environment)
            self.assertNotIn("\x1b", out)


class Output(HubCase):
    def setUp(self):
        super().setUp()
        self.command = [PROGRAM, "--profile", str(self.operator.profile)]
        self.environment = {**os.environ, **CLEAN}

    def test_output_that_cannot_be_written_is_a_failure(self):
        for words in (("--help",), ("version",), ("device", "list"), ("status", "--json"),
                      ("doctor",)):
            with self.subTest(verb=words), open("/dev/full", "wb") as full:
                done = subprocess.run([*self.command, *words], stdout=full, env=self.environment,
                                      stderr=subprocess.PIPE, text=True, timeout=60)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn("cannot write the output", done.stderr)

    def test_a_reader_who_has_seen_enough_is_none(self):
        for words in (("--help",), ("device", "list"), ("doctor",)):
            with self.subTest(verb=words):
                reader, writer = os.pipe()
                os.close(reader)
                done = subprocess.run([*self.command, *words], stdout=writer,
                                      stderr=subprocess.PIPE, env=self.environment, timeout=60)
                os.close(writer)
                self.assertEqual((done.returncode, done.stderr), (0, b""))


class Version(FolderCase):
    def test_says_what_it_was_built_with(self):
        _, out, _ = run([PROGRAM, "version"])
        self.assertRegex(out, r"^mcu-ota \d+\.\d+\.\d+ \(.+\)\n$")
        _, out, _ = run([PROGRAM, "version", "--json"])
        self.assertRegex(out, r'"compiler":')


if __name__ == "__main__":
    unittest.main()
