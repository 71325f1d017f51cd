"""style.format: clang-format 14 would change nothing (repair: scripts/format); 100 columns.

Exit code 77 (skipped) where clang-format 14 is not installed; other versions lay out differently.
"""

import shutil
import subprocess
import sys

import tree

COLUMNS_MAX = 100


def too_wide(root):
    for path in tree.files(root, tree.CPP + (".py",)):
        for number, line in enumerate(tree.read(root, path).splitlines(), 1):
            if len(line) > COLUMNS_MAX and not line.startswith("#include"):
                yield f"{path}:{number}: {len(line)} columns; at most {COLUMNS_MAX}"


def main():
    tool = shutil.which("clang-format-14")
    if not tool:
        print("clang-format-14 is not installed: skipped")
        sys.exit(77)
    root = tree.root_from_arguments()
    problems = list(too_wide(root))
    files = tree.files(root, tree.CPP)
    result = subprocess.run([tool, "--dry-run", *files], cwd=root,
                            capture_output=True, text=True, check=False)
    problems += sorted({f"{line.split(':')[0]}: run scripts/format"
                        for line in result.stderr.splitlines()
                        if "clang-format-violations" in line})
    tree.finish("style.format", problems)


if __name__ == "__main__":
    main()
