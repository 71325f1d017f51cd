"""style.shell: shell scripts parse (bash -n) and, where it is installed, shellcheck agrees."""

import os
import shutil
import subprocess

import tree


def main():
    root = tree.root_from_arguments()
    scripts = [path for path in tree.files(root)
               if "." not in os.path.basename(path).lstrip(".") or path.endswith(".sh")]
    scripts = [path for path in scripts if tree.is_shell(root, path)]
    commands = [["bash", "-n", path] for path in scripts]
    if shutil.which("shellcheck"):
        commands.append(["shellcheck", "--external-sources", *scripts])
    else:
        print("shellcheck is not installed; scripts are only parsed")
    problems = []
    for command in commands:
        result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            problems.append((result.stdout + result.stderr).strip())
    tree.finish("style.shell", problems)


if __name__ == "__main__":
    main()
