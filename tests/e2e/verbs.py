"""The verbs of mcu-ota, read from its own help: what a new user can find."""

import re

from operator_rig import PROGRAM, run

# A line of a list of verbs: its name, then at least two blanks, then what it does.
_VERB = re.compile(r"^  ([a-z][a-z-]*) {2,}(\S.*)$")
_NO_VERBS = ("Positionals:", "Options:", "Usage:")


def help_of(*verb):
    return run([PROGRAM, *verb, "--help"])[1]


def _listed(text):
    """(group, verb) in the order of the help; the footer is not looked at."""
    group = None
    for line in text.splitlines():
        if re.match(r"^[A-Z][A-Za-z ]*:$", line):
            group = None if line in _NO_VERBS else line.rstrip(":")
        elif group and (match := _VERB.match(line)):
            yield group, match.group(1), match.group(2)


def top_verbs():
    """[(group, verb, description)]"""
    return list(_listed(help_of()))


def all_verbs():
    """Every verb that does something, as a tuple of words: ("device", "list")."""
    found = []

    def walk(words):
        below = [verb for _, verb, _ in _listed(help_of(*words))]
        # `mcu-ota hub` does something and has verbs below it.
        if not below or "[SUBCOMMAND]" in help_of(*words):
            found.append(words)
        for verb in below:
            walk((*words, verb))

    for _, verb, _ in top_verbs():
        walk((verb,))
    return found
