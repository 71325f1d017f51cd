"""The campaigns of `mcu-ota sim`, in small: what people, scripts and exit codes see of them."""

import json
import re
import unittest

from operator_rig import CLEAN, PROGRAM, run

USAGE = 2
SMALL = ("--sample", "500", "--chains", "20")
CASE = "update:1,flash@10/power/s1"


def sim(*arguments):
    """(exit code, stdout, stderr)"""
    return run([PROGRAM, "sim", *arguments], environment=CLEAN, check=False)


class SimCase(unittest.TestCase):
    def good(self, *arguments):
        code, out, error = sim(*arguments)
        self.assertEqual(code, 0, out + error)
        self.assertEqual(error, "", "no progress where no terminal is, and no log")
        return out

    def document(self, *arguments):
        document = json.loads(self.good(*arguments, "--json"))
        self.assertEqual(document["schema"], 1)
        return document

    def refused(self, *arguments, says):
        code, out, error = sim(*arguments)
        self.assertEqual(code, USAGE, error)
        self.assertEqual(out, "")
        self.assertIn(says, error)
        self.assertEqual(error.count("\n"), 1, error)


class PowerCut(SimCase):
    def test_last_line(self):
        out = self.good("power-cut", *SMALL)
        self.assertRegex(out.splitlines()[-1],
                         r"^power-cut: [1-9][0-9]+ cuts, 0 bad, worst refetch [0-9]+ bytes$")
        for word in ("seed", "worlds", "updates", "flash operations", "recovery", "trace"):
            self.assertTrue(re.search(f"^{word} ", out, re.MULTILINE), word)

    def test_json(self):
        first = self.document("power-cut", *SMALL)
        again = self.document("power-cut", *SMALL, "--jobs", "1")
        other = self.document("power-cut", *SMALL, "--seed", "2")
        for of_this_host in ("jobs", "host_s", "worlds_per_s"):
            del first[of_this_host], again[of_this_host]
        self.assertEqual(first, again, "one seed, one history")
        self.assertNotEqual(first["trace"], other["trace"])
        self.assertEqual((first["campaign"], first["seed"], other["seed"]), ("power-cut", 1, 2))
        self.assertEqual((first["bad"], first["failures"]), (0, []))
        self.assertGreater(first["operations"], first["cuts"])
        self.assertLessEqual(first["worst_refetch_bytes"], 81920)
        # The world that took longest can be looked at.
        case = first["worst_recovery_world"]
        self.assertEqual(self.document("power-cut", "--replay", case)["worst_recovery_s"],
                         first["worst_recovery_s"])

    def test_replay(self):
        out = self.good("power-cut", "--replay", CASE)
        self.assertIn(" s  boot 2\n", out)
        self.assertIn(" s  programming 7\n", out)
        self.assertRegex(out.splitlines()[-1], r"^power-cut: 1 cuts, 0 bad, ")
        document = self.document("power-cut", "--replay", CASE)
        self.assertEqual(document["history"], out.splitlines()[:-2])
        self.assertEqual((document["worlds"], document["cuts"]), (1, 1))

    def test_bad_input(self):
        self.refused("power-cut", "--replay", "update:1,moon@1",
                     says="'update:1,moon@1' is no case")
        self.refused("power-cut", "--replay", CASE, "--chains", "5", says="excludes")
        self.refused("power-cut", "--jobs", "0", says="--jobs")
        self.refused("power-cut", "--sample", "0", says="--sample")
        self.refused("power-cut", "--chains", "-1", says="--chains")
        self.refused("power-cut", "--seed", "many", says="--seed")
        self.refused("power-cut", "everything", says="mcu-ota sim power-cut --help")
        self.refused(says="mcu-ota sim --help")


class Faults(SimCase):
    def test_last_line_and_json(self):
        out = self.good("faults", "--worlds", "40")
        self.assertRegex(out.splitlines()[-1], r"^faults: 40 worlds, [1-9][0-9]+ updates, "
                         r"0 bad, worst refetch [0-9]+ bytes$")
        first = self.document("faults", "--worlds", "40", "--jobs", "1")
        self.assertIn(first["trace"], out, "one seed, one history")
        other = self.document("faults", "--worlds", "40", "--seed", "2")
        self.assertNotEqual(first["trace"], other["trace"])
        self.assertEqual((first["campaign"], first["worlds"]), ("faults", 40))
        self.assertGreater(first["updates"], 80)

    def test_replay(self):
        document = self.document("faults", "--replay", "world@1000003")
        self.assertEqual(document["worlds"], 1)
        self.assertTrue(any("all is well" in line for line in document["history"]))

    def test_bad_input(self):
        self.refused("faults", "--replay", "world@x", says="'world@x' is no case")
        self.refused("faults", "--replay", "world@1", "--worlds", "5", says="excludes")
        self.refused("faults", "--worlds", "0", says="--worlds")
        self.refused("faults", "--worlds", "1000001", says="--worlds")


if __name__ == "__main__":
    unittest.main()
