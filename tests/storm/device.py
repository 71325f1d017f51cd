"""One device in the storm: an agent with a simulated flash, its MCU, its hub, its blob server."""

import dataclasses
import hashlib
import json
import random
import threading
import time

from tests.rig.site import Site
from tests.storm.blob_server import BlobServer
from tests.storm.judge import Judge, Mcu
from tests.storm.mqtt_hub import MqttHub
from tests.storm.plan import MCU_FAULTS, Stroke
from tests.storm.script import Script

PRODUCT = "pump"
STORM_S_MAX = 10.0  # then the weather clears, whatever has not struck yet
TRUTH_S_MAX = 40.0  # from there to the truth
FREEZE_S = 1.5  # longer than the times in NETWORK
POLL_S = 0.05  # how late a report is noticed while the agent says nothing

# What an operator answers by renewing the deployment.
RENEWABLE = {"sas_expired", "not_found", "http_refused", "bad_offer"}

NETWORK = {
    "connect_timeout_s": 2,
    "answer_timeout_s": 1,
    "stall_timeout_s": 1,
    "retry_max_s": 1,
    "settle_ms": 200,
}


class StormError(Exception):
    """The round did not come to the truth."""


class Device:
    """@thread one for each device"""

    def __init__(self, folder, binaries, identities, name):
        self.name = name
        self.folder = folder / name
        self.folder.mkdir()
        self.site = Site(self.folder, binaries)
        self.site.ca = identities.ca
        self.mcu_folder = self.folder / "mcu"
        self.script = Script()
        self.judge = Judge(Mcu(self.mcu_folder))
        self.blob = BlobServer(identities, self.script)
        self.hub = MqttHub(identities, self.script, name, self._on_report)
        self.kills = 0
        self.version = 0  # what the MCU runs at the beginning of a round
        self.newest = 0  # of all offers
        self._attempt = 0
        self._tokens = []
        self._log_read = 0
        self._agent = self._make_agent()
        self._blocked = threading.Event()
        self._plan = None
        self._pending = []  # strokes that wait for their trigger
        self._due = []  # (time, stroke)
        self._events_seen = 0
        self._withdrawn_seen = False
        self._has_started = False
        self._told = None  # the agent's last phase event of this run
        self._outcomes = set()  # codes of the round, and of what stood before it
        self._stored_before = 0
        self._flash_lost = False
        self._can_go_back = False
        self._voids = 0  # what the agent has lost without a fault of the blob server
        self._done = set()

    def close(self):
        try:
            self.site.close()
        finally:
            self.hub.close()
            self.blob.close()

    def _make_agent(self):
        login = self.folder / "login"
        login.write_text(self.hub.connection_string)
        login.chmod(0o600)
        agent = self.site.add_agent(
            "agent",
            product=PRODUCT,
            event_bytes=1,  # every piece
            sections={
                "identity": {"device_id": self.name},
                "hub": {"connection_string_file": str(login), "sas_lifetime_s": 10},
                "flash": {"erase_ahead_after_s": 1},
                "network": NETWORK,
                "log": {"level": "trace"},
                "telemetry": {"interval_s": 1},
            },
        )
        return agent

    def _use_mcu(self, rate):
        mcu = f"'{self.site.binaries}/mcu-ota-virtual-mcu'"
        state = f"--state '{self.mcu_folder}' --any-image"
        program = f"{mcu} program {state} --rate {rate}"
        version = f"{mcu} version {state}"
        self._agent.settings["mcu"] = {
            "programmer": "command",
            "program": f"cd '{self.folder}'; "
            + "rm refuse 2>/dev/null && exit 3; "
            + f"if rm break_off 2>/dev/null; then head -c 700 | {program}; exit 4; fi; "
            + f"exec {program}",
            "version_command": f"cd '{self.folder}'; "
            + "rm mute 2>/dev/null && exit 5; "
            + "rm other_version 2>/dev/null && echo 424242 && exit; "
            + f"exec {version}",
            "confirm_timeout_s": 1,
            "confirm_interval_s": 1,
            "program_pause_s": 1,
        }
        self._agent.configure(self._agent.settings)

    # ---- a round ----
    def run(self, plan):
        """Raises StormError if the device does not come to the truth of the round."""
        self._begin(plan)
        self._weather(plan)
        self.script.clear()
        self._end()

    def _begin(self, plan):
        if (plan.ask == "older" and self.version < 2) or (
            plan.ask in ("bad_image", "withdrawn") and not self._can_go_back
        ):
            plan = dataclasses.replace(plan, ask="good")  # There is nothing to go back to.
        self._plan = plan
        self._pending = list(plan.strokes)
        self._due = []
        self._done = set()
        self._withdrawn_seen = False
        self._has_started = False
        self._flash_lost = False
        self._outcomes = {self._reported().get("Code")}
        self._blocked.clear()
        self.blob.rate = plan.blob_rate
        self.blob.keep_alive = plan.keep_alive
        self._use_mcu(plan.mcu_rate)
        for fault in MCU_FAULTS:
            (self.folder / fault).unlink(missing_ok=True)
        for fault in plan.mcu_faults:
            (self.folder / fault).touch()
        self.judge.begin_round(self._voids_of_all())
        self.script.load(plan.faults)
        if plan.offered_first:
            self._ask()
        self._agent.start()
        if not plan.offered_first:
            self._pending.append(Stroke("connected", 0.0, 0.0, "ask"))

    def _weather(self, plan):
        calm_at = time.monotonic() + STORM_S_MAX
        deadline = calm_at + TRUTH_S_MAX
        is_calm = False
        while not self._is_true():
            now = time.monotonic()
            if not is_calm and now >= calm_at:
                is_calm = True
                self._clear_up()
            if now >= deadline:
                raise StormError(f"not true in time; reported: {self._reported()}")
            self._agent.poll_event(POLL_S)
            self._take_events()
            self._strike(time.monotonic())
            if self._blocked.is_set():
                self._blocked.clear()
                self._renew(raise_attempt=plan.number < 0.5)

    def _clear_up(self):
        self.script.clear()
        self._agent.thaw()
        for stroke in self._pending + [stroke for _, stroke in self._due]:
            if stroke.deed in ("superseded", "withdrawn", "ask"):
                self._do(stroke.deed)
        self._pending, self._due = [], []

    def _end(self):
        self._stop()
        report = self._reported()
        self.version = report["Version"]
        image = self._agent.read_image()
        self._can_go_back = image is not None
        self.judge.truth(image, self.version, may_be_lost=self._flash_lost)
        self._read_log()
        self.judge.wrongs += self.blob.wrongs + self.hub.wrongs
        self.blob.wrongs, self.hub.wrongs = [], []

    def _read_log(self):
        with open(self._agent.folder / "agent.log", encoding="utf-8", errors="replace") as log:
            log.seek(self._log_read)
            text = log.read()
            self._log_read = log.tell()
        state = self._agent.folder / "state.json"
        text += state.read_text() if state.exists() else ""
        text += "".join(map(json.dumps, self._agent.events))
        self._agent.events.clear()
        self._events_seen = 0
        secrets = [token.rsplit("sig=", 1)[1].removesuffix("%3D") for token in self._tokens]
        self.judge.log(text, [*secrets, self.hub.key, *self.hub.passwords])

    # ---- what the operator does ----
    def _ask(self):
        self._done.add("ask")
        self._stored_before = self.hub.reported_version
        plan = self._plan
        self.version_before = self.version
        if plan.ask == "older":
            self._offer(self.version - 1, self.judge.images[self.version - 1])
            return
        self.newest += 1
        source = random.Random(f"{self.name}/{self.newest}")
        content = bytearray(source.randbytes(plan.image_bytes))
        content[0:8] = b"\xff" * 8 if plan.ask == "bad_image" else b"firmware"
        changes = {}
        if plan.ask == "wrong_product":
            changes = {"product": "valve"}
        elif plan.ask == "too_large":
            changes = {"size": 17 << 20}
        elif plan.ask == "malformed":
            changes = MALFORMED[int(plan.number * len(MALFORMED))]
        self._offer(self.newest, bytes(content), changes)

    def _offer(self, version, content, changes=None):
        digest = hashlib.sha256(content).hexdigest()
        path = f"/firmware/{PRODUCT}/{version}/{digest[:16]}-image.bin"
        self.judge.images[version] = content
        self.blob.put(path, content)
        self._attempt = 0
        offer = {
            "version": version,
            "size": len(content),
            "url": self.blob.url(path),
            "sas": self._new_token(),
            "sha256": digest,
            "product": PRODUCT,
            "attempt": None,  # as a tool that leaves them out
            "mcuVersion": None,
        }
        if isinstance(changes, dict) or changes is None:
            offer |= changes or {}
        else:
            offer = changes[0]
        self.blob.forget_retry_after()
        self.hub.desire({"extFwInfo": offer})

    def _new_token(self):
        self._tokens.append(self.blob.new_token())
        return self._tokens[-1]

    def _renew(self, raise_attempt):
        if not isinstance(self.hub.desired.get("extFwInfo"), dict):
            return
        self.blob.forget_retry_after()
        renewed = {"sas": self._new_token()}
        if raise_attempt:
            self._attempt += 1
            renewed["attempt"] = self._attempt
        self.hub.desire({"extFwInfo": renewed})

    # ---- what happens to the agent ----
    def _take_events(self):
        events = self._agent.events[self._events_seen :]
        self._events_seen += len(events)
        for event in events:
            self.judge.event(event, self._voids_of_all())
            if event["event"] == "withdrawn":
                self._withdrawn_seen = True
            if event["event"] == "phase":
                self._told = event
            if event["event"] == "started":
                self._has_started = True
                self._withdrawn_seen = False
                self._told = None
            if event["event"] == "outcome":
                self._outcomes.add(event["code"])
            for stroke in list(self._pending):
                if _triggers(stroke, event):
                    self._pending.remove(stroke)
                    self._due.append((time.monotonic() + stroke.delay_s, stroke))

    def _voids_of_all(self):
        return self.blob.voids + self._voids

    def _strike(self, now):
        for due in [due for due in self._due if due[0] <= now]:
            self._due.remove(due)
            self._do(due[1].deed)

    def _do(self, deed):
        if deed == "kill":
            self._kill()
        elif deed == "restart":
            self._restart()
        elif deed == "freeze":
            self._agent.freeze()
            self._due.append((time.monotonic() + FREEZE_S, Stroke("", 0.0, 0.0, "thaw")))
        elif deed == "thaw":
            self._agent.thaw()
        elif deed in ("lose_state", "lose_flash"):
            self._lose(deed)
        elif deed == "ask":
            self._ask()
        elif deed == "superseded":
            self._done.add(deed)
            self.newest += 1
            content = random.Random(f"{self.name}/{self.newest}").randbytes(50_000)
            self._offer(self.newest, content)
        elif deed == "withdrawn":
            self._done.add(deed)
            self._withdrawn_seen = False
            self.blob.forget_retry_after()
            self.hub.desire({"extFwInfo": None})
        elif deed == "renew":
            self._renew(raise_attempt=False)
        elif deed == "drop_hub":
            self.hub.drop_all()
        elif deed == "drop_blob":
            self.blob.drop_all()
        elif deed == "new_twin":
            self.hub.start_anew()

    def _kill(self, before_start=lambda: None):
        self._agent.kill()
        self.kills += 1
        self._take_events()
        self.judge.killed()
        self._has_started = False
        self.blob.forget_retry_after()
        before_start()
        self._agent.start()

    def _lose(self, deed):
        folder = self._agent.folder

        def lose_state():
            (folder / "state.json").unlink(missing_ok=True)
            (folder / "state.json.fetched").unlink(missing_ok=True)

        def lose_flash():
            self._agent.flash.unlink(missing_ok=True)
            self._flash_lost = True
            self._voids += 1

        self._kill(lose_state if deed == "lose_state" else lose_flash)

    def _stop(self):
        self._agent.thaw()
        while not self._has_started:  # Before that a signal ends it like any program.
            self._agent.poll_event(POLL_S)
            self._take_events()
        code = self._agent.stop()
        self._take_events()
        self._has_started = False
        self.judge.exit_code(code)

    def _restart(self):
        """SIGTERM: unlike SIGKILL it costs not a byte."""
        self._stop()
        self.blob.forget_retry_after()
        self._agent.start()

    def _on_report(self, patch):
        """@thread of the hub's connection"""
        self.judge.report(patch)
        report = patch.get("extFwInfo") or {}
        if report.get("Phase") == "waiting" and report.get("Code") in RENEWABLE:
            self._blocked.set()

    # ---- the truth of the round ----
    def _is_told(self, report):
        """The report is the last that the agent had to say."""
        told = self._told
        return told is None or (told["phase"], told["version"]) == ("idle", report["Version"])

    def _reported(self):
        return dict(self.hub.reported.get("extFwInfo", {}))

    def _is_true(self):
        if "ask" not in self._done or self._due:
            return False
        report = self._reported()
        if report.get("Phase") != "idle" or not self._is_told(report):
            return False
        ask, version = self._plan.ask, report["Version"]
        if ask == "withdrawn":
            return ask in self._done and self._withdrawn_seen
        if self.hub.reported_version == self._stored_before:
            return False
        if ask == "superseded" and ask not in self._done:
            return False
        if ask in ("good", "superseded"):
            return (report["Status"], version) == ("applied", self.newest)
        if version != self.version_before:
            raise StormError(f"{ask} must leave version {self.version_before}: {report}")
        return report["Code"] == CODES[ask] and (ask == "older" or CODES[ask] in self._outcomes)


CODES = {
    "bad_image": "rolled_back",
    "older": "older_ignored",
    "wrong_product": "wrong_product",
    "malformed": "bad_offer",
    "too_large": "too_large",
}

# What a tool with a mistake may write; a tuple takes the place of the whole offer.
MALFORMED = [
    {"version": "three"},
    {"version": -1},
    {"version": 1 << 40},
    {"version": 7.5},
    {"size": 0},
    {"size": None},
    {"size": "12"},
    {"url": 5},
    {"url": "https://h/" + "x" * 3000},
    {"url": "ftp://h/x"},
    {"url": None},
    {"sas": ["a"]},
    {"sas": "a b"},
    {"sas": "x" * 4000},
    {"sha256": "00"},
    {"sha256": None},
    {"sha256": {"deep": {"deeper": [1, 2, 3]}}},
    {"product": 5},
    {"mcuVersion": "m" * 2000},
    {"attempt": "often"},
    (7,),
    ("text",),
    ([1, 2],),
    (True,),
]


def _triggers(stroke, event):
    if stroke.trigger == "progress":
        return event["event"] == "progress" and event["bytes"] >= stroke.fraction * event["size"]
    if event["event"] == "phase":
        return stroke.trigger == event["phase"]
    return stroke.trigger == event["event"]
