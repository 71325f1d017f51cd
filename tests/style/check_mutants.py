"""style.mutants: each seeded bug of tests/mutants fits the tree as it is now, and says what it is.

Whether a test catches it is the business of scripts/mutants, which takes much longer.
"""

import os
import sys

import tree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "mutants"))

import mutants  # pylint: disable=wrong-import-position

FOLDER = "tests/mutants"
PRODUCT = ("base/", "contract/", "device/")


def problems_of(root, mutant):
    if not mutant.bug or not mutant.field:
        yield "begins with a line 'Bug: ' and a line 'Field: '"
    if not mutant.files:
        yield "changes nothing"
    for name in mutant.files:
        if not name.startswith(PRODUCT) or name.endswith("_test.cpp"):
            yield f"changes {name}, which is not the device's product"
    applied = mutant.patch(root, "--dry-run")
    if applied.returncode != 0:
        yield "does not apply: " + " ".join(applied.stdout.split())


def main():
    root = tree.root_from_arguments()
    problems, numbers = [], set()
    for mutant in mutants.all_mutants(os.path.join(root, FOLDER)):
        path = f"{FOLDER}/{mutant.name}.patch"
        problems += [f"{path}: {problem}" for problem in problems_of(root, mutant)]
        number = mutant.name.split("-")[0]
        if not number.isdigit() or number in numbers:
            problems.append(f"{path}: begins with a number of its own")
        numbers.add(number)
    if not numbers:
        problems.append(f"{FOLDER}: no patches found")
    tree.finish("style.mutants", problems)


if __name__ == "__main__":
    main()
