"""style.words: leftover markers, names that say nothing, and calls that have no place here."""

import os
import re

import tree

MARKERS = re.compile(r"\b(FIXME|XXX|HACK)\b|\bTODO\b(?!\(#\d+\))")
USING_NAMESPACE = re.compile(r"^\s*using\s+namespace\b", re.MULTILINE)
SLEEP = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\(")
EMPTY_NAME = re.compile(r"(^|[_.-])(utils?|helpers?|manager|common|misc)([_.-]|$)")

# Where waiting for real time is the job: the adapters of the clock and of the SPI bus.
MAY_SLEEP = ("device/host/", "sim/mcu/")
SOURCES = tree.CPP + (".h", ".c", ".py", ".sh", ".cmake", ".txt", ".toml", ".md", ".js")


def line_of(code, offset):
    return code.count("\n", 0, offset) + 1


def cpp_problems(path, code):
    bare = tree.blank_literals(code)
    if path.endswith(".hpp"):
        if "#pragma once" not in code:
            yield f"{path}: a header without #pragma once"
        for match in USING_NAMESPACE.finditer(bare):
            yield f"{path}:{line_of(code, match.start())}: 'using namespace' in a header"
    if not path.startswith(MAY_SLEEP) or path.endswith("_test.cpp"):
        for match in SLEEP.finditer(bare):
            yield (f"{path}:{line_of(code, match.start())}: {match.group(1)}: take the Clock; "
                   "tests never wait for real time")


def main():
    root = tree.root_from_arguments()
    problems = []
    for path in tree.files(root):
        for part in path.split("/"):
            if EMPTY_NAME.search(os.path.splitext(part)[0]):
                problems.append(f"{path}: '{part}' says nothing; name the job")
        if not path.endswith(SOURCES) and not path.startswith("scripts/"):
            continue
        if path.startswith("tests/style/"):
            continue  # It names what it looks for.
        code = tree.read(root, path)
        for match in MARKERS.finditer(code):
            problems.append(f"{path}:{line_of(code, match.start())}: leftover marker "
                            f"'{match.group()}'; write TODO(#12) with an open issue, or do it")
        if path.endswith(tree.CPP):
            problems.extend(cpp_problems(path, code))
    tree.finish("style.words", problems)


if __name__ == "__main__":
    main()
