"""Says what is not true: reports against the MCU, requests against what was stored."""

import hashlib
import re
import time

REFETCH_MAX = 64 * 1024 + 16 * 1024  # after a SIGKILL: a block of the flash and a receive buffer

ON_THE_WIRE_S_MAX = 0.1  # from the agent's last look at its outbox to the judge

# What a program says that breaks off by itself.
LAST_WORDS = re.compile(
    r"Sanitizer|runtime error:|terminate called|[Aa]ssertion|core dumped"
    r"|did not belong to its phase"
)


class Mcu:
    """The virtual MCU's folder, read without its program."""

    def __init__(self, folder):
        self._folder = folder

    def version(self):
        """The version of the complete application that it holds, or None."""
        try:
            facts, version = (self._folder / "header").read_text().splitlines()
        except (OSError, ValueError):
            return None
        size, _ = facts.split()
        return version if (self._folder / "flash.bin").stat().st_size == int(size) else None

    def erased_for_s(self):
        return time.time() - self._folder.stat().st_mtime

    def content(self):
        return (self._folder / "flash.bin").read_bytes()


class Judge:
    """Of one device. Wrongs are sentences; there must be none."""

    def __init__(self, mcu):
        self._mcu = mcu
        self.wrongs = []
        self.reports = 0
        self.images = {}  # by version: all that were ever offered
        self._version = 0
        self._fetched_from = 0  # where the next request may begin
        self._reached = 0
        self._offer = None
        self._killed = False
        self._voids_used = 0
        self.fetched_again = 0

    # ---- reports; called at the moment they arrive ----
    def report(self, patch):
        self.reports += 1
        report = patch.get("extFwInfo")
        if set(patch) != {"extFwInfo"} or not isinstance(report, dict):
            return self._wrong(f"a report of something else: {patch}")
        missing = {"Status", "Error", "Version", "Phase", "Code", "Target"} - set(report)
        if missing:
            return self._wrong(f"a report without {missing}: {report}")
        claims_rest = report["Status"] == "applied" or report["Phase"] == "idle"
        if claims_rest and report["Version"] > 0:
            self._check_running(report)
        # Zero: nobody knows, while a newer image takes the place of one that was half programmed.
        if report["Version"] == 0 and report["Phase"] != "idle":
            return None
        if report["Version"] < self._version and report["Code"] != "rolled_back":
            self._wrong(f"the version went down from {self._version}: {report}")
        if report["Version"] not in self.images and report["Version"] != 0:
            self._wrong(f"a version that was never offered: {report}")
        self._version = report["Version"]
        return None

    def _check_running(self, report):
        running = self._mcu.version()
        if running == str(report["Version"]):
            return
        # The outcome of a failed update is told even if the next one is being programmed already.
        if report["Status"] != "applied" and report["Target"] != max(self.images):
            return
        if running is None and self._mcu.erased_for_s() < ON_THE_WIRE_S_MAX:
            return
        self._wrong(f"reported while the MCU runs {running}: {report}")

    # ---- events of the agent, in their order ----
    def begin_round(self, voids):
        self._voids_used = voids

    def killed(self):
        self._killed = True

    def event(self, event, voids):
        """voids: how often the server took away what was stored, until now."""
        kind = event["event"]
        if kind == "offer" and event["version"] != self._offer:
            self._offer = event["version"]
            self._forget()
        elif kind == "request":
            self._request(event["firstByte"], voids)
        elif kind == "progress":
            # After a 200 for a range the image begins again.
            began_again = event["bytes"] < self._reached
            if began_again and not self._excused(voids) and not self._killed:
                self._wrong(f"the image began again without a reason: {event}")
            self._reached = event["bytes"]

    def _request(self, first, voids):
        again = self._reached - first
        if again > 0 and not self._excused(voids):
            self.fetched_again += again
            if not self._killed:
                self._wrong(f"{again} bytes were fetched again from {first} after a network fault")
            elif again > REFETCH_MAX:
                self._wrong(f"{again} bytes were fetched again from {first} after a SIGKILL")
        self._killed = False
        self._reached = first

    def _excused(self, voids):
        """Each answer that voids the image excuses one new beginning; an event may be read late."""
        if self._voids_used >= voids:
            return False
        self._voids_used += 1
        return True

    def _forget(self):
        self._reached = 0
        self._killed = False

    # ---- the end of a round ----
    def truth(self, flash_image, version, may_be_lost=False):
        """The device rests: flash and MCU hold the image of the version."""
        wanted = self.images[version]
        if self._mcu.version() != str(version) or self._mcu.content() != wanted:
            self._wrong(f"the MCU holds {self._mcu.version()}, not {version}")
        if flash_image != wanted and not (may_be_lost and flash_image is None):
            digest = hashlib.sha256(flash_image or b"").hexdigest()[:16]
            self._wrong(f"the flash holds {digest}, not the image of version {version}")

    def log(self, text, secrets):
        if LAST_WORDS.search(text):
            self._wrong(f"last words: {LAST_WORDS.search(text).group()}")
        for secret in secrets:
            if secret and secret in text:
                self._wrong(f"a secret was written down: {secret[:6]}...")

    def exit_code(self, code):
        if code != 0:
            self._wrong(f"the agent ended with {code} after SIGTERM")

    def _wrong(self, sentence):
        self.wrongs.append(sentence)
