"""The judge of the storm can fail: each kind of falsehood, told to it by hand.

Usage: python3 -m tests.storm.judge_test
"""

import hashlib
import os
import pathlib
import tempfile
import unittest

from tests.storm.judge import REFETCH_MAX, Judge, Mcu

IMAGES = {1: b"one" * 100, 2: b"two" * 200}


class JudgeTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="mcu-ota-judge-")
        self.addCleanup(folder.cleanup)
        self.mcu = pathlib.Path(folder.name)
        self.judge = Judge(Mcu(self.mcu))
        self.judge.images = dict(IMAGES)
        self.program(1)

    def program(self, version):
        content = IMAGES[version]
        (self.mcu / "flash.bin").write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        (self.mcu / "header").write_text(f"{len(content)} {digest}\n{version}\n")

    def erase(self):
        """Long ago: nothing can be on the wire any more."""
        (self.mcu / "header").unlink()
        os.utime(self.mcu, (0, 0))

    def report(self, **changes):
        report = {"Status": "applied", "Error": "None", "Version": 1, "Phase": "idle"}
        self.judge.report({"extFwInfo": {**report, "Code": "none", "Target": 1, **changes}})

    def events(self, *events):
        for name, number in events:
            if name == "kill":
                self.judge.killed()
                continue
            key = {"offer": "version", "request": "firstByte", "progress": "bytes"}[name]
            self.judge.event({"event": name, key: number}, voids=0)

    def assert_wrong(self, words):
        self.assertEqual(len(self.judge.wrongs), 1, self.judge.wrongs)
        self.assertIn(words, self.judge.wrongs[0])

    def test_the_truth_passes(self):
        self.report()
        self.judge.truth(IMAGES[1], 1)
        self.program(2)
        self.report(Version=2, Target=2)
        self.judge.exit_code(0)
        self.judge.log("all is well", ["secret"])
        self.assertEqual(self.judge.wrongs, [])

    def test_applied_while_the_mcu_runs_another_version(self):
        self.report(Version=2)
        self.assert_wrong("while the MCU runs 1")

    def test_applied_while_the_mcu_is_erased(self):
        self.erase()
        self.report()
        self.assert_wrong("while the MCU runs None")

    def test_a_failure_is_told_while_the_next_image_is_programmed(self):
        self.erase()
        self.report(Status="error", Code="rolled_back", Target=1)
        self.assertEqual(self.judge.wrongs, [])
        self.report(Status="error", Code="rolled_back", Target=2)
        self.assert_wrong("while the MCU runs None")

    def test_a_version_that_goes_down(self):
        self.program(2)
        self.report(Version=2)
        self.program(1)
        self.report(Version=1)
        self.assert_wrong("went down")

    def test_a_version_that_nobody_offered(self):
        self.report(Status="downloading", Phase="downloading", Version=7)
        self.assert_wrong("never offered")

    def test_a_report_without_its_keys(self):
        self.judge.report({"extFwInfo": {"Status": "applied"}})
        self.assert_wrong("without")

    def test_bytes_fetched_again_after_a_network_fault(self):
        self.events(("offer", 2), ("request", 0), ("progress", 5000), ("request", 4999))
        self.assert_wrong("1 bytes were fetched again")

    def test_bytes_fetched_again_after_a_kill(self):
        far = REFETCH_MAX + 1000
        self.events(("offer", 2), ("request", 0), ("progress", far), ("kill", 0), ("request", 1000))
        self.assertEqual(self.judge.wrongs, [])
        self.events(("progress", far + 1000), ("kill", 0), ("request", 1999))
        self.assert_wrong(f"{REFETCH_MAX + 1} bytes were fetched again")

    def test_an_image_that_begins_again_without_a_reason(self):
        self.events(("offer", 2), ("request", 0), ("progress", 5000), ("progress", 100))
        self.assert_wrong("began again")

    def test_a_flash_or_an_mcu_with_other_bytes(self):
        self.judge.truth(IMAGES[2], 1)
        self.assert_wrong("the flash holds")
        self.judge.wrongs.clear()
        self.judge.truth(IMAGES[2], 2)
        self.assert_wrong("the MCU holds")

    def test_a_secret_or_last_words_in_the_log(self):
        self.judge.log("GET https://h/b?sig=abcdef", ["abcdef"])
        self.assert_wrong("a secret")
        self.judge.wrongs.clear()
        self.judge.log("AddressSanitizer: heap-use-after-free", [])
        self.assert_wrong("last words")

    def test_an_end_with_an_exit_code(self):
        self.judge.exit_code(-6)
        self.assert_wrong("-6")


if __name__ == "__main__":
    unittest.main()
