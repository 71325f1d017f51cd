"""style.behaviours and style.hub: every test that the documents name as a proof exists.

Usage: check_behaviours.py ROOT BUILD [PAGE...]. In a table whose last column is headed "test", that
column names tests in backticks: a GoogleTest case (Suite.Name) or a test of ctest (label.name).
In a table with a column "supported", a row with "no" in it names none.
"""

import re
import subprocess
import sys

import tree

PAGES = ("docs/behaviours.md", "docs/reliability.md")
GTEST = re.compile(r"^\s*(?:TYPED_)?TEST(?:_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\)", re.MULTILINE)


def gtest_names(root):
    return {".".join(match) for path in tree.files(root, (".cpp",))
            for match in GTEST.findall(tree.read(root, path))}


def ctest_names(build):
    listing = subprocess.run(["ctest", "--test-dir", build, "--show-only"],
                             capture_output=True, text=True, check=True)
    return set(re.findall(r"^\s*Test\s+#\d+: (\S+)", listing.stdout, re.MULTILINE))


def cells_of(line):
    return [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]


def rows_of(text):
    """(line number, last cell) of each row that has to name a test."""
    heads, lines = [], text.splitlines()
    for number, line in enumerate(lines, 1):
        ruled = re.fullmatch(r"\|[|\s:-]+", line)
        if ruled:
            heads = [head.lower() for head in cells_of(lines[number - 2])]
        elif not line.startswith("|"):
            heads = []
        elif heads and heads[-1].endswith("test"):
            cells = cells_of(line)
            if dict(zip(heads, cells)).get("supported") != "no":
                yield number, cells[-1]


def problems_of(page, text, known):
    rows = list(rows_of(text))
    if not rows:
        yield f"{page}: no rows found"
    for number, cell in rows:
        names = re.findall(r"`([^`]+)`", cell)
        if not names:
            yield f"{page}:{number}: names no test"
        for name in names:
            if name not in known:
                yield f"{page}:{number}: there is no test {name}"


def main():
    root = tree.root_from_arguments()
    known = gtest_names(root) | ctest_names(sys.argv[2])
    pages = sys.argv[3:] or PAGES
    problems = [problem for page in pages
                for problem in problems_of(page, tree.read(root, page), known)]
    tree.finish("style.hub" if sys.argv[3:] else "style.behaviours", problems)


if __name__ == "__main__":
    main()
