"""style.behaviours: every test that docs/behaviours.md names exists.

Usage: check_behaviours.py ROOT BUILD. In a row of a table there, the last column names tests in
backticks: a GoogleTest case (Suite.Name) or a test of ctest (label.name).
"""

import re
import subprocess
import sys

import tree

PAGE = "docs/behaviours.md"
GTEST = re.compile(r"^\s*(?:TYPED_)?TEST(?:_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\)", re.MULTILINE)


def gtest_names(root):
    return {".".join(match) for path in tree.files(root, (".cpp",))
            for match in GTEST.findall(tree.read(root, path))}


def ctest_names(build):
    listing = subprocess.run(["ctest", "--test-dir", build, "--show-only"],
                             capture_output=True, text=True, check=True)
    return set(re.findall(r"^\s*Test\s+#\d+: (\S+)", listing.stdout, re.MULTILINE))


def main():
    root = tree.root_from_arguments()
    known = gtest_names(root) | ctest_names(sys.argv[2])
    problems, rows = [], 0
    for number, line in enumerate(tree.read(root, PAGE).splitlines(), 1):
        if not line.startswith("|") or re.fullmatch(r"[|\s:-]+", line):
            continue
        names = re.findall(r"`([^`]+)`", line.rstrip("| ").split("|")[-1])
        if line.rstrip("| ").split("|")[-1].strip().lower() in ("test", "tests", "proved by"):
            continue
        rows += 1
        if not names:
            problems.append(f"{PAGE}:{number}: names no test")
        problems += [f"{PAGE}:{number}: there is no test {name}"
                     for name in names if name not in known]
    if rows == 0:
        problems.append(f"{PAGE}: no rows found")
    tree.finish("style.behaviours", problems)


if __name__ == "__main__":
    main()
