"""The files that the style checks look at, and how they report."""

import os
import re
import subprocess
import sys

CPP = (".hpp", ".cpp")
SKIPPED_FOLDERS = {".git", ".venv", "build", "third_party", "node_modules", "demo-state"}


def root_from_arguments():
    """The tree to check: the first argument, otherwise the project that this file belongs to."""
    default = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    return os.path.realpath(sys.argv[1] if len(sys.argv) > 1 else default)


def files(root, suffixes=("",)):
    """Paths relative to root of what git would commit; without git, of all but built folders."""
    listing = subprocess.run(
        ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True, text=True, check=False)
    inside_git = listing.returncode == 0 and os.path.exists(os.path.join(root, ".git"))
    names = listing.stdout.split("\0") if inside_git else walk(root)
    return sorted(name for name in set(names)
                  if name.endswith(tuple(suffixes)) and os.path.isfile(os.path.join(root, name)))


def walk(root):
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS]
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), root)


def read(root, name):
    with open(os.path.join(root, name), encoding="utf-8", errors="replace") as file:
        return file.read()


def is_shell(root, name):
    return name.endswith(".sh") or read(root, name)[:64].startswith(
        ("#!/usr/bin/env bash", "#!/bin/bash", "#!/bin/sh"))


LITERALS = re.compile(
    r'R"([^()\s\\]{0,16})\((?:.|\n)*?\)\1"'  # raw string
    r'|"(?:\\.|[^"\\\n])*"'                  # string
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'"  # character; not a digit separator
    r"|//[^\n]*|/\*(?:.|\n)*?\*/")           # comment


def blank_literals(code):
    """C++ with strings, characters and comments blanked; every line keeps its number."""
    return LITERALS.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), code)


def finish(check, problems):
    """Prints what was found and ends the program; 1 if there was anything."""
    for problem in problems:
        print(problem)
    print(f"{check}: {len(problems)} problems")
    sys.exit(1 if problems else 0)
