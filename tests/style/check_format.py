"""style.format: clang-format 14 would change nothing. Repair: scripts/format.

Exit code 77 (skipped) where clang-format 14 is not installed; other versions lay out differently.
"""

import shutil
import subprocess
import sys

import tree


def main():
    tool = shutil.which("clang-format-14")
    if not tool:
        print("clang-format-14 is not installed: skipped")
        sys.exit(77)
    root = tree.root_from_arguments()
    files = tree.files(root, tree.CPP)
    if not files:
        tree.finish("style.format", [])
    result = subprocess.run([tool, "--dry-run", *files], cwd=root,
                            capture_output=True, text=True, check=False)
    unformatted = sorted({line.split(":")[0] for line in result.stderr.splitlines()
                          if "clang-format-violations" in line})
    tree.finish("style.format", [f"{path}: run scripts/format" for path in unformatted])


if __name__ == "__main__":
    main()
