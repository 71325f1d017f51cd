"""Azurite's Blob service as a child process: the npm package, on this machine, telling nobody."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile


class Azurite:
    """Serves one account in a folder of its own; with a certificate and its key over TLS."""

    def __init__(self, program, account, scratch, certificate=None):
        self.folder = tempfile.mkdtemp(prefix="azurite-", dir=scratch)
        self._log = open(f"{self.folder}/log", "w", encoding="utf-8")
        tls = ["--cert", certificate[0], "--key", certificate[1]] if certificate else []
        self.process = subprocess.Popen(
            [program, "--disableTelemetry", "--skipApiVersionCheck", "--silent", "--location",
             self.folder, "--blobHost", "127.0.0.1", "--blobPort", "0", *tls],
            env={**os.environ, "AZURITE_ACCOUNTS": f"{account.name}:{account.key}"},
            stdout=subprocess.PIPE, stderr=self._log, text=True,
        )
        try:
            self.port = self._port()
        except RuntimeError:
            self.stop()
            raise

    def _port(self):
        for line in self.process.stdout:
            found = re.search(r"successfully listen(?:s|ing) (?:on|at) \S+:(\d+)", line)
            if found:
                return int(found.group(1))
        raise RuntimeError(f"azurite did not start: {pathlib.Path(self._log.name).read_text()}")

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        self.process.stdout.close()
        self._log.close()
        shutil.rmtree(self.folder)
