"""Child processes that never outlive their parent; their output is waited for without sleeping."""

import os
import queue
import signal
import subprocess
import threading
import time


class RigError(Exception):
    """Something the story relies on did not happen; the text says what."""


class NothingHappened(RigError):
    """The time was over and the program is still there."""


class Child:
    """A program whose standard output is read line by line; standard error goes to a log file."""

    def __init__(self, name, arguments, log_path, environment=None):
        self.name = name
        self.log_path = log_path
        self._lines = queue.Queue()
        self._log = open(log_path, "ab")
        self._process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, **(environment or {})},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            self._lines.put(line.decode(errors="replace").rstrip("\n"))
        self._lines.put(None)

    @property
    def pid(self):
        return self._process.pid

    def next_line(self, deadline):
        """The next line of output; None when the program has ended.

        Raises NothingHappened at the deadline (time.monotonic).
        """
        try:
            line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            raise NothingHappened(
                f"{self.name}: nothing happened in time; its log is {self.log_path}"
            ) from None
        if line is None:
            self._lines.put(None)
        return line

    def signal(self, number):
        """To a program that still runs."""
        self._process.send_signal(number)

    def kill(self):
        """SIGKILL: as sudden as a power cut for the process."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self, timeout_s=15):
        """SIGTERM, and the exit code. A program that does not end by itself is an error."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.kill()
                raise RigError(
                    f"{self.name} did not stop within {timeout_s} s of SIGTERM"
                ) from None
        self._reader.join()
        self._process.stdout.close()
        self._log.close()
        return self._process.returncode

    def exit_code(self, timeout_s):
        return self._process.wait(timeout_s)


def run(arguments, timeout_s=60, environment=None, check=True):
    """Runs a program to its end; returns (exit code, stdout, stderr)."""
    done = subprocess.run(
        arguments,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout_s,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    if check and done.returncode != 0:
        raise RigError(
            f"{' '.join(arguments[:3])} ... ended with {done.returncode}: {done.stderr.strip()}"
        )
    return done.returncode, done.stdout, done.stderr
