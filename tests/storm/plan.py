"""What one round of a storm holds, drawn from a seed: the same seed, device and round is the same
plan, on any machine."""

import dataclasses
import random

from tests.storm import blob_server, conversation
from tests.storm.script import Fault

KIB = 1024

# What the operator asks for in the round, and how often.
ASKS = {
    "good": 58,
    "superseded": 9,  # a newer release follows during the update
    "withdrawn": 7,
    "bad_image": 6,  # no MCU starts it: rolled back
    "older": 5,
    "wrong_product": 5,
    "malformed": 6,
    "too_large": 4,
}

# When something is done to the agent: an event of it, and for "progress" how far.
TRIGGERS = {
    "started": 2,
    "connected": 2,
    "offer": 1,
    "request": 2,
    "progress": 6,
    "verifying": 1,
    "programming": 4,
    "confirming": 2,
    "rolling_back": 1,
    "outcome": 2,
    "acknowledged": 1,
}
RATES = [0, 200 * KIB, 400 * KIB, 1000 * KIB]  # bytes per second; 0: as fast as the machine

DEEDS = {
    "kill": 14,
    "restart": 4,  # by SIGTERM
    "freeze": 2,
    "lose_state": 1,  # the files on the device's own disk
    "lose_flash": 1,  # another chip
    "renew": 2,
    "drop_hub": 4,
    "drop_blob": 2,
    "new_twin": 2,
}

# What the MCU's own programs do wrong, once: the file of that name makes them (device.py).
MCU_FAULTS = ["refuse", "break_off", "mute", "other_version"]


@dataclasses.dataclass(frozen=True)
class Stroke:
    """One thing done to the agent from outside, `delay_s` after its trigger."""

    trigger: str
    fraction: float
    delay_s: float
    deed: str

    def __str__(self):
        at = f">{self.fraction:.2f}" if self.trigger == "progress" else ""
        return f"{self.deed}@{self.trigger}{at}+{self.delay_s * 1000:.0f}ms"


@dataclasses.dataclass(frozen=True)
class Round:
    ask: str
    number: float  # 0 .. 1: which of several, as the ask likes
    image_bytes: int
    offered_first: bool  # before the agent starts, so that it finds the offer in the twin
    blob_rate: int  # bytes per second; 0: as fast as the machine
    mcu_rate: int
    keep_alive: bool
    mcu_faults: tuple
    faults: tuple
    strokes: tuple

    def __str__(self):
        return " ".join(
            [
                f"{self.ask}({self.number:.3f})",
                f"{self.image_bytes}B",
                "offered-first" if self.offered_first else "offered-live",
                f"blob {self.blob_rate}B/s mcu {self.mcu_rate}B/s",
                *map("mcu:{}".format, self.mcu_faults),
                *map(str, self.faults),
                *map(str, self.strokes),
            ]
        )


def first_round():
    """Nothing goes wrong: the device gets the image that later rounds may go back to."""
    return Round("good", 0.0, 96 * KIB, True, 0, 0, True, (), (), ())


def draw(seed, device, number):
    rng = random.Random(f"{seed}/{device}/{number}")
    ask = _weighted(rng, ASKS)
    faults = _blob_faults(rng) + _hub_faults(rng)
    strokes = [_stroke(rng, ask) for _ in range(rng.choice([0, 0, 1, 1, 1, 2, 2, 3]))]
    if ask in ("superseded", "withdrawn"):
        trigger = rng.choice(["offer", "request", "progress", "progress", "verifying"])
        trigger = "programming" if rng.random() < 0.25 else trigger
        strokes.append(Stroke(trigger, rng.random(), 0.2 * rng.random(), ask))
    size_kib = rng.choice(_sizes(ask))
    rates = RATES if size_kib < 1024 else [0]
    return Round(
        ask=ask,
        number=rng.random(),
        image_bytes=size_kib * KIB - rng.choice([0, 1, 511]),
        offered_first=rng.random() < 0.4,
        blob_rate=rng.choice(rates),
        mcu_rate=rng.choice(rates),
        keep_alive=rng.random() < 0.6,
        mcu_faults=_mcu_faults(rng, ask),
        faults=tuple(faults),
        strokes=tuple(strokes),
    )


def _sizes(ask):
    sizes = [1, 16, 64, 100, 200, 400] * 4
    # Beside an image of 9 MiB no other one has room, so there is no way back from it.
    return sizes + [9 * 1024] if ask == "good" else sizes


def _mcu_faults(rng, ask):
    # A rollback that fails is tried again after a minute: longer than a round.
    if ask in ("bad_image", "withdrawn") or rng.random() < 0.75:
        return ()
    return tuple(rng.sample(MCU_FAULTS, rng.choice([1, 1, 2])))


def _blob_faults(rng):
    faults = [
        Fault("blob.answer", rng.choice(blob_server.ANSWERS), rng.random())
        for _ in range(rng.choice([0, 1, 1, 2, 2, 3, 4]))
    ]
    # Three wrong images in a row end an update for good, which is not what a round is about.
    wrong = [fault for fault in faults if fault.kind == "changed_content"]
    faults = [fault for fault in faults if fault not in wrong[2:]]
    if rng.random() < 0.3:
        kind = rng.choice(blob_server.PLACES["blob.connection"])
        faults.append(Fault("blob.connection", kind, rng.random()))
    return faults


def _hub_faults(rng):
    faults = []
    for _ in range(rng.choice([0, 1, 2, 3, 4])):
        place = rng.choice(list(conversation.PLACES))
        faults.append(Fault(place, rng.choice(conversation.PLACES[place]), rng.random()))
    if rng.random() < 0.1:  # a storm of reconnects
        faults += [Fault("hub.subscribe", "drop_after")] * 3
    return faults


def _stroke(rng, ask):
    trigger = _weighted(rng, TRIGGERS)
    delay_s = rng.choice([0.0, 0.02, 0.2]) * rng.random()
    deed = _weighted(rng, DEEDS)
    if deed == "lose_flash" and ask != "good":
        deed = "kill"  # Without an image on the flash there is no way back.
    return Stroke(trigger, rng.random(), delay_s, deed)


def _weighted(rng, weights):
    return rng.choices(list(weights), list(weights.values()))[0]
