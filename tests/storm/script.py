"""What goes wrong where: a queue of faults for each place of a misbehaving server.

A place asks for its next fault each time it is passed; a fault strikes once. So a plan is a list of
faults, and the same plan is the same trouble, whenever the agent comes by.
"""

import collections
import dataclasses
import threading


@dataclasses.dataclass(frozen=True)
class Fault:
    place: str  # such as "blob.answer" or "hub.report"
    kind: str
    number: float = 0.0  # 0 .. 1: how far, how long or which of several, as the kind likes

    def __str__(self):
        return f"{self.place}:{self.kind}:{self.number:.3f}"


NOTHING = Fault("", "none")


class Script:
    """@thread any"""

    def __init__(self):
        self._lock = threading.Lock()
        self._waiting = collections.defaultdict(collections.deque)
        self.struck = collections.Counter()

    def load(self, faults):
        with self._lock:
            self._waiting.clear()
            for fault in faults:
                self._waiting[fault.place].append(fault)

    def next(self, place):
        """The fault that strikes now, or None."""
        with self._lock:
            if not self._waiting[place]:
                return None
            fault = self._waiting[place].popleft()
            self.struck[f"{place}:{fault.kind}"] += 1
            return fault

    def waits_at(self, place):
        with self._lock:
            return bool(self._waiting[place])

    def clear(self):
        self.load([])
