"""What the demo prints: steps, progress that fits a terminal or a log, and the closing table."""

import os
import sys
import time


class Terminal:
    def __init__(self):
        self._live = sys.stdout.isatty()
        self._colour = self._live and "NO_COLOR" not in os.environ
        self._start = time.monotonic()
        self._bar_shown = False
        self._marks = {}

    def title(self, text):
        self._end_bars()
        print(self._paint("1", text), flush=True)

    def step(self, text):
        self._end_bars()
        print(
            f"\n{self._paint('1;34', f'[{time.monotonic() - self._start:5.1f} s]')} {text}",
            flush=True,
        )
        self._marks.clear()

    def note(self, text):
        self._end_bars()
        print(f"          {text}", flush=True)

    def bars(self, percents):
        """Progress by device: one line redrawn on a terminal; a line each 25 % elsewhere."""
        if self._live:
            cells = [f"{name} {'#' * (p // 10):10} {p:3d} %" for name, p in percents.items()]
            print("\r          " + "   ".join(cells), end="", flush=True)
            self._bar_shown = True
            return
        for name, percent in percents.items():
            mark = percent // 25
            if mark > self._marks.get(name, 0):
                self._marks[name] = mark
                print(f"          {name} {percent} %", flush=True)

    def table(self, header, rows):
        self._end_bars()
        widths = [max(len(str(row[i])) for row in [header, *rows]) for i in range(len(header))]
        for index, row in enumerate([header, *rows]):
            line = "  ".join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip()
            print(self._paint("1", line) if index == 0 else line, flush=True)

    def _end_bars(self):
        if self._bar_shown:
            print()
            self._bar_shown = False

    def _paint(self, code, text):
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text
