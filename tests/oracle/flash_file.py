#!/usr/bin/env python3
"""Reads a device's flash file with littlefs-python, an implementation that is not ours.

  flash_file.py FLASH            one line a file: name, size, SHA-256
  flash_file.py FLASH NAME FILE  fails unless NAME holds the bytes of FILE

Run it with .venv/bin/python, which has littlefs-python.
Exit codes: 0, 1 (differs or does not mount), 77 (littlefs-python is not installed: skipped).
"""

import hashlib
import sys

try:
    import littlefs
except ImportError:
    print("littlefs-python is not installed (scripts/setup puts it into .venv): skipped")
    sys.exit(77)

# Decision 0003; littlefs takes none of these but block_size and block_count from the part.
BLOCK_BYTES = 65536
GEOMETRY = {"block_size": BLOCK_BYTES, "read_size": 16, "prog_size": 256, "cache_size": 1024,
            "lookahead_size": 32, "block_cycles": 500, "name_max": 255}


def mount(path):
    """The filesystem in a copy of the file: nothing here can change the device's flash."""
    with open(path, "rb") as file:
        flash = bytearray(file.read())
    if not flash or len(flash) % BLOCK_BYTES:
        raise ValueError(f"{path}: {len(flash)} bytes are no whole number of blocks")
    filesystem = littlefs.LittleFS(context=littlefs.UserContext(buffsize=0), mount=False,
                                   block_count=len(flash) // BLOCK_BYTES, **GEOMETRY)
    filesystem.context.buffer = flash
    filesystem.mount()
    return filesystem


def read_files(path):
    """Name and bytes of every file in the root."""
    filesystem = mount(path)
    files = {}
    for name in filesystem.listdir("/"):
        with filesystem.open("/" + name, "rb") as file:
            files[name] = file.read()
    return files


def first_difference(a, b):
    return next((at for at, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))


def main():
    if len(sys.argv) not in (2, 4):
        print(__doc__)
        return 2
    try:
        files = read_files(sys.argv[1])
    except (OSError, ValueError, littlefs.LittleFSError) as error:
        print(f"{sys.argv[1]}: {error}")
        return 1
    if len(sys.argv) == 2:
        for name, content in sorted(files.items()):
            print(name, len(content), hashlib.sha256(content).hexdigest())
        return 0
    name = sys.argv[2].lstrip("/")
    with open(sys.argv[3], "rb") as file:
        wanted = file.read()
    if name not in files:
        print(f"{sys.argv[1]} holds no {name}, only {sorted(files)}")
        return 1
    if files[name] != wanted:
        print(f"{name} ({len(files[name])} bytes) differs from {sys.argv[3]} ({len(wanted)} bytes) "
              f"at byte {first_difference(files[name], wanted)}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
