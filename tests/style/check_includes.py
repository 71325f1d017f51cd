"""layers.includes: every quoted include obeys layers.txt.

A link rule cannot see a header that leaks through an allowed library, so the lines are read too.
The longest line of layers.txt that is a prefix of a path owns it. Tests may include everything;
nothing includes what lies in tests/, fuzz/ or bench/.
"""

import os
import re

import tree

FREE = ("tests/", "fuzz/", "bench/")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)


def read_layers(root):
    layers = {}
    for line in tree.read(root, "layers.txt").splitlines():
        if line.strip() and not line.startswith("#"):
            area, _, allowed = line.partition(":")
            layers[area.strip()] = set(allowed.split())
    return layers


def area_of(path, layers):
    owners = [area for area in layers if path.startswith(area + "/")]
    return max(owners, key=len, default=None)


def is_free(path):
    return path.startswith(FREE) or re.search(r"_test\.cpp$|_test_[a-z0-9_]+\.hpp$", path)


def problem_of(root, layers, path, included):
    """One sentence if the include breaks a rule, otherwise None."""
    if not os.path.isfile(os.path.join(root, included)):
        return f'"{included}" is no file of the tree: write includes from the root, others with <>'
    if is_free(path):
        return None
    if included.startswith(FREE):
        return f'"{included}": only tests may include what is in {included.split("/")[0]}/'
    area, target = area_of(path, layers), area_of(included, layers)
    if area is None or target is None:
        return f'layers.txt has no line for {path if area is None else included}'
    if target != area and target not in layers[area]:
        return f'"{included}": {area} may not use {target}'
    return None


def main():
    root = tree.root_from_arguments()
    layers = read_layers(root)
    problems = []
    for path in tree.files(root, tree.CPP):
        code = tree.read(root, path)
        for match in INCLUDE.finditer(code):
            problem = problem_of(root, layers, path, match.group(1))
            if problem:
                problems.append(f"{path}:{code.count(chr(10), 0, match.start()) + 1}: {problem}")
    tree.finish("layers.includes", problems)


if __name__ == "__main__":
    main()
