"""Seeded bugs: each patch of this folder is put into a copy of the tree, where a test must fail.

Usage: mutants.py [--list] [NAME...]. The copy lives in build/mutants/tree and keeps its build, so
that each mutant compiles only what it touches. A mutant that hangs is caught by its time-out; one
that does not apply or whose product does not compile is an error of the patch.
"""

import ctypes
import os
import re
import resource
import signal
import subprocess
import sys
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.realpath(os.path.join(FOLDER, "..", ".."))
WORK = os.path.join(ROOT, "build", "mutants")
TREE = os.path.join(WORK, "tree")
BUILD = os.path.join(TREE, "build", "dev")
LOG = os.path.join(WORK, "last.log")

# Whole devices under power cuts and faults should catch a bug before any test of a part does.
CAMPAIGNS = ("world_power_cut_test", "world_faults_test", "engine_power_cut_test",
             "engine_link_faults_test", "engine_chaos_test", "storage_power_cut_test",
             "storage_damage_test")
# Then what is quick.
TESTS = ("update_test", "store_sim_test", "flash_driver_test", "engine_test", "fetch_test",
         "store_test", "erase_ahead_test", "net_sessions_test")

# Of the many cuts and worlds of a campaign each third shows a bug as well as all of them.
SAMPLE = "3"

# A program that takes longer hangs.
SECONDS_MIN = 30
SLOWER_THAN_WELL = 5  # times the run without a mutant
MEMORY_BYTES_MAX = 4 << 30
LOG_BYTES_MAX = 64 << 20
PR_SET_PDEATHSIG = 1


class Mutant:
    """One patch: what the bug is, and what it would do in the field."""

    def __init__(self, path):
        self.name = os.path.basename(path).removesuffix(".patch")
        with open(path, encoding="utf-8") as file:
            self.text = file.read()
        self.bug = self._header("Bug")
        self.field = self._header("Field")
        self.files = re.findall(r"^\+\+\+ b/(\S+)$", self.text, re.MULTILINE)

    def _header(self, key):
        found = re.match(rf"(?:.*\n)?{key}: (.+)$", self.text, re.MULTILINE)
        return found.group(1) if found else ""

    def patch(self, tree, *options):
        """Applies without fuzz: lines that only look alike must not be changed in silence."""
        return subprocess.run(
            ["patch", "-p1", "--fuzz=0", "--force", "--silent", "--no-backup-if-mismatch",
             "--reject-file=-", *options],
            input=self.text, cwd=tree, capture_output=True, text=True, check=False)


def all_mutants(folder=FOLDER):
    return [Mutant(os.path.join(folder, name))
            for name in sorted(os.listdir(folder)) if name.endswith(".patch")]


class BadPatch(Exception):
    """The patch does not fit the tree any more, or its product does not compile."""


def stop(text):
    sys.exit(f"mutants: {text}")


def content_of(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, content):
    with open(path, "wb") as file:
        file.write(content)


def copy_file(name):
    """Brings one file into the copy; one that is the same keeps its time, so nothing is built."""
    source, target = os.path.join(ROOT, name), os.path.join(TREE, name)
    content = content_of(source)
    if os.path.isfile(target) and content_of(target) == content:
        return
    os.makedirs(os.path.dirname(target), exist_ok=True)
    write(target, content)
    os.chmod(target, os.stat(source).st_mode)


def copy_tree():
    listing = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True, text=True, check=True)
    names = {name for name in listing.stdout.split("\0")
             if name and os.path.isfile(os.path.join(ROOT, name))}
    for folder, folders, files in os.walk(TREE):
        folders[:] = [name for name in folders if name not in ("build", "third_party")]
        for name in files:
            path = os.path.join(folder, name)
            if os.path.relpath(path, TREE) not in names:
                os.remove(path)
    for name in sorted(names):
        copy_file(name)
    link = os.path.join(TREE, "third_party")
    if not os.path.lexists(link):
        os.symlink(os.path.realpath(os.path.join(ROOT, "third_party")), link)


def call(arguments):
    with open(LOG, "w", encoding="utf-8") as log:
        return subprocess.run(arguments, cwd=TREE, stdout=log, stderr=subprocess.STDOUT,
                              check=False).returncode == 0


def log_text():
    with open(LOG, encoding="utf-8", errors="replace") as log:
        return log.read()


def build(program):
    return call(["cmake", "--build", BUILD, "--target", program])


def limit_child():
    """Bounded memory and log; and a mutant that hangs ends with us, also if we are killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LOG_BYTES_MAX, LOG_BYTES_MAX))


def path_of(program):
    for folder, folders, files in os.walk(BUILD):
        folders[:] = [name for name in folders if name != "CMakeFiles"]
        if program in files:
            return os.path.join(folder, program)
    return stop(f"the build made no program {program}")


def run(program, seconds):
    """What failed, in words; nothing if all went well."""
    arguments = [path_of(program), "--gtest_fail_fast", "--gtest_color=no"]
    with open(LOG, "w", encoding="utf-8") as log:
        try:
            code = subprocess.run(arguments, cwd=WORK, stdout=log, stderr=subprocess.STDOUT,
                                  env={"OTA_TEST_SAMPLE": SAMPLE, **os.environ}, check=False,
                                  timeout=seconds, preexec_fn=limit_child).returncode
        except subprocess.TimeoutExpired:
            code = None
    if code == 0:
        return None
    text = log_text()
    failed = re.search(r"^\[  FAILED  \] (\S+?),? ", text, re.MULTILINE)
    begun = re.findall(r"^\[ RUN      \] (\S+)", text, re.MULTILINE)
    case = failed.group(1) if failed else begun[-1] if begun else "its start"
    if code is None:
        return f"{case}, by time-out"
    return case if failed else f"{case}, by a crash"


def unmutated():
    """Demands that all is well without a bug. Returns how long each program may take."""
    limits = {}
    for program in CAMPAIGNS + TESTS:
        if not build(program):
            print(log_text()[-4000:], file=sys.stderr)
            stop(f"the tree without any mutant does not build {program}")
        begin = time.monotonic()
        failed = run(program, 1800)
        if failed:
            stop(f"{program} fails without any mutant: {failed} (log: {LOG})")
        limits[program] = max(SECONDS_MIN, SLOWER_THAN_WELL * (time.monotonic() - begin))
    return limits


def catch(limits):
    """The test that fails and its program; nothing if none does."""
    for program in CAMPAIGNS + TESTS:
        if not build(program):
            broken = re.search(r"^\S*?(\w+_test\.cpp):\d+:\d+: error: static assertion failed",
                               log_text(), re.MULTILINE)
            if broken:
                return f"a static_assert of {broken.group(1)}", program
            raise BadPatch(f"does not compile; mend the patch\n{log_text()[-3000:]}")
        failed = run(program, limits[program])
        if failed:
            return failed, program
    return None


def try_mutant(mutant, limits):
    """Prints the line of one mutant. Returns the program that caught it."""
    begin = time.monotonic()
    touched = [os.path.join(TREE, name) for name in mutant.files]
    well = {path: content_of(path) for path in touched}
    try:
        applied = mutant.patch(TREE)
        if applied.returncode != 0:
            raise BadPatch(f"does not apply; mend the patch\n{applied.stdout.strip()}")
        caught = catch(limits)
    except BadPatch as error:
        print(f"mutant {mutant.name}: ERROR, {error}", flush=True)
        return None
    finally:
        for path, content in well.items():
            write(path, content)
    verdict = f"caught by {caught[0]} in {caught[1]}" if caught else "NOT CAUGHT"
    print(f"mutant {mutant.name}: {verdict} ({time.monotonic() - begin:.0f} s)", flush=True)
    return caught[1] if caught else None


def chosen(names):
    mutants = all_mutants()
    for name in names:
        if not any(mutant.name.startswith(name) for mutant in mutants):
            stop(f"no mutant's name begins with '{name}'; --list shows them")
    if not names:
        return mutants
    return [mutant for mutant in mutants if mutant.name.startswith(tuple(names))]


def main():
    arguments = sys.argv[1:]
    if arguments[:1] == ["--list"]:
        for mutant in chosen(arguments[1:]):
            print(f"{mutant.name}\n  {mutant.bug}\n  {mutant.field}")
        return
    if any(argument.startswith("-") for argument in arguments):
        stop("usage: scripts/mutants [--list] [NAME...]")
    mutants = chosen(arguments)
    os.makedirs(TREE, exist_ok=True)
    copy_tree()
    if not call(["cmake", "--preset", "dev"]):
        print(log_text()[-4000:], file=sys.stderr)
        stop("the copy of the tree cannot be configured")
    limits = unmutated()
    print(f"without any mutant: {len(limits)} test programs pass", flush=True)
    catchers = [try_mutant(mutant, limits) for mutant in mutants]
    caught = [program for program in catchers if program]
    alone = sum(program in CAMPAIGNS for program in caught)
    print(f"mutants: {alone} caught by the campaigns alone")
    print(f"mutants: {len(caught)} of {len(mutants)} caught")
    sys.exit(0 if len(caught) == len(mutants) else 1)


if __name__ == "__main__":
    main()
