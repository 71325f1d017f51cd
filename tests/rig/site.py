"""One site on this machine: a local hub, agents with simulated flash, the operator's commands."""

import json
import os
import pathlib
import re
import signal
import time

from . import process
from .process import Child, NothingHappened, RigError

FLASH_CLOCK_HZ = 40_000_000

# Nothing of the caller's environment may choose another hub.
CLEAN = {
    "AZURE_IOTHUB_CONNECTIONSTRING": "",
    "AZURE_STORAGE_CONNECTIONSTRING": "",
    "AZURE_DPS_CONNECTIONSTRING": "",
    "MCU_OTA_PROFILE": "",
}


class Site:
    """Everything below one folder; nothing outlives close()."""

    def __init__(self, folder, binaries):
        self.folder = pathlib.Path(folder).absolute()
        self.binaries = pathlib.Path(binaries).absolute()
        self.profile = self.folder / "profile.toml"
        self.ca = None
        self.device_host = None
        self.id_scope = None
        self.agents = {}
        self._hub = None

    # ---- the hub ----
    def start_hub(self, mqtt_port=0, https_port=0, arguments=(), log_level="warn"):
        """Starts the hub on free ports, or on given ones."""
        self._hub = Child(
            "hub",
            [
                self.binaries / "mcu-ota",
                "hub",
                "--json",
                "--state",
                self.folder / "hub",
                "--profile",
                self.profile,
                "--mqtt-port",
                str(mqtt_port),
                "--https-port",
                str(https_port),
                "--log-level",
                log_level,
                *arguments,
            ],
            self.folder / "hub.log",
            CLEAN,
        )
        line = self._hub.next_line(time.monotonic() + 20)
        if line is None:
            raise RigError(f"the hub did not start: {(self.folder / 'hub.log').read_text()}")
        facts = json.loads(line)
        self.ca = facts["ca"]
        self.device_host = facts["device_host"]
        self.id_scope = facts["id_scope"]
        self._ports = (facts["mqtt_port"], facts["https_port"])
        self._hub_arguments = (arguments, log_level)
        return facts

    @property
    def hub_pid(self):
        return self._hub.pid

    @property
    def mqtt_port(self):
        return self._ports[0]

    def signal_hub(self, name):
        self._hub.signal(getattr(signal, name))

    def stop_hub(self):
        code = self._hub.stop()
        self._hub = None
        return code

    def kill_hub(self):
        self._hub.kill()
        self._hub.stop()
        self._hub = None

    def start_hub_again(self):
        """On the ports that agents and blobs know."""
        return self.start_hub(*self._ports, *self._hub_arguments)

    # ---- the operator ----
    def operate(self, *arguments, check=True, timeout_s=60):
        """Runs a command of the operator; returns (exit code, stdout, stderr)."""
        return process.run(
            [str(self.binaries / "mcu-ota"), *map(str, arguments), "--profile", str(self.profile)],
            timeout_s=timeout_s,
            environment=CLEAN,
            check=check,
        )

    def operate_json(self, *arguments):
        return json.loads(self.operate(*arguments, "--json")[1])

    def create_group(self, name, product, group):
        """An enrollment group whose devices get these tags; returns the file with its key."""
        key_file = self.folder / f"{name}.key"
        self.operate(
            "enrollment",
            "create",
            "group",
            name,
            "--product",
            product,
            "--group",
            group,
            "--key-file",
            key_file,
        )
        return key_file

    # ---- devices ----
    def dps_settings(self, **credential):
        return {"host": self.device_host, "id_scope": self.id_scope, **credential}

    def add_agent(self, name, **settings):
        self.agents[name] = Agent(self, name, **settings)
        return self.agents[name]

    def close(self):
        problems = []
        for child in [*self.agents.values(), *([self._hub] if self._hub else [])]:
            try:
                child.stop()
            except RigError as error:
                problems.append(str(error))
        if problems:
            raise RigError("; ".join(problems))


class Agent:
    """One device: its configuration, its flash file, its process and what it told so far."""

    def __init__(
        self,
        site,
        name,
        *,
        product,
        group_key=None,
        max_rate=None,
        proxy_port=None,
        mcu=None,
        event_bytes=0,
        sections=None,
        environment=None,
        arguments=(),
    ):
        """sections: more of the configuration, or other values, by section and key."""
        self.site = site
        self.name = name
        self.folder = site.folder / name
        self.folder.mkdir()
        self.flash = self.folder / "flash.bin"
        self.events = []  # all events of all its runs
        self._event_bytes = event_bytes
        self._environment = environment
        self._arguments = [str(argument) for argument in arguments]
        self._child = None
        self._config = self.folder / "agent.toml"
        settings = self._settings(product, group_key, max_rate, proxy_port, mcu)
        for section, values in (sections or {}).items():
            settings.setdefault(section, {}).update(values)
        self.configure(settings)

    def _settings(self, product, group_key, max_rate, proxy_port, mcu):
        sections = {
            "identity": {"device_id": self.name, "product": product},
            "tls": {"ca_file": self.site.ca},
            "flash": {"kind": "file", "path": str(self.flash), "clock_hz": FLASH_CLOCK_HZ},
            "mcu": {"programmer": "store-only", **(mcu or {})},
            "telemetry": {"interval_s": 10},
            "state": {"file": str(self.folder / "state.json")},
        }
        if group_key:
            sections["dps"] = self.site.dps_settings(group_key_file=str(group_key))
        if max_rate:
            sections["download"] = {"max_rate": max_rate}
        if proxy_port:
            sections["network"] = {"proxy": f"socks5://127.0.0.1:{proxy_port}"}
        return sections

    def configure(self, settings):
        """Takes effect at the next start."""
        self.settings = settings
        # JSON texts and numbers are TOML values too.
        self._config.write_text(
            "".join(
                f"[{section}]\n"
                + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())
                for section, values in settings.items()
            )
        )

    @property
    def program(self):
        return str(self.site.binaries / "mcu-ota-agent")

    def start(self):
        self._child = Child(
            self.name,
            [
                self.program,
                "run",
                "--config",
                self._config,
                "--events",
                "-",
                "--event-bytes",
                str(self._event_bytes),
                *self._arguments,
            ],
            self.folder / "agent.log",
            self._environment,
        )

    def kill(self):
        self._child.kill()
        self.stop()

    def freeze(self):
        """Not a step until thaw(), as in a machine that is suspended."""
        self._child.signal(signal.SIGSTOP)

    def thaw(self):
        self._child.signal(signal.SIGCONT)

    def _read_rest(self):
        """What it wrote before its end still counts."""
        while (line := self._child.next_line(time.monotonic() + 5)) is not None:
            self.events.append(json.loads(line))

    def stop(self):
        if self._child is None:
            return 0
        code = self._child.stop()
        self._read_rest()
        self._child = None
        return code

    def next_event(self, deadline):
        line = self._child.next_line(deadline)
        if line is None:
            raise RigError(f"{self.name} ended by itself; its log is {self.folder / 'agent.log'}")
        self.events.append(json.loads(line))
        return self.events[-1]

    def poll_event(self, timeout_s):
        """The next event, or None if there is none in time."""
        try:
            return self.next_event(time.monotonic() + timeout_s)
        except NothingHappened:
            return None

    def wait_for(self, wanted, timeout_s=60, on_event=None):
        """The next event for which wanted(event) holds. on_event sees each one on the way."""
        deadline = time.monotonic() + timeout_s
        while True:
            event = self.next_event(deadline)
            if on_event:
                on_event(self, event)
            if wanted(event):
                return event

    def wait_outcome(self, target, timeout_s=60, on_event=None):
        return self.wait_for(
            lambda e: e["event"] == "outcome" and e["target"] == target, timeout_s, on_event
        )

    def command(self, *arguments, check=True):
        """Runs the agent's program for one of its other verbs, such as flash info."""
        return process.run(
            [self.program, *map(str, arguments), "--config", str(self._config)], check=check
        )

    def flash_seconds(self):
        """Virtual seconds that the simulated chip has spent in its life."""
        return float(
            re.search(r"^time +([0-9.]+) s", self.command("flash", "info")[1], re.MULTILINE).group(
                1
            )
        )

    def read_image(self, slot="current"):
        """The image on the flash, or None: read by the agent's program while it does not run."""
        out = self.folder / f"{slot}.bin"
        if out.exists():
            os.unlink(out)
        code, _, _ = self.command("flash", "read", slot, out, check=False)
        return out.read_bytes() if code == 0 else None
