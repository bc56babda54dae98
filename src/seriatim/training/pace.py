"""The number of CPU threads of a run: measured, and measured again when steps become slow."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Self, final

import torch

from seriatim.walks.threads import timed

_SLOW = 2.0  # times the usual length of a step, from which threads are measured again
_STEPS = 10  # steps in a row that are so slow
_PAUSE = 60.0  # seconds between two measurements
_LEAST = 50  # steps from which a measurement pays


@final
class Pace:
    """Uses the fastest number of threads inside its context, and the caller's again after it.

    With a busy neighbour all cores together are several times slower than one; on a quiet machine they are faster.

    Args:
        trial: takes a step that changes nothing.
        say: shows a line.
        steps: to come; a few are not worth a measurement.
    """

    def __init__(self, trial: Callable[[], object], say: Callable[[str], None], steps: int) -> None:
        self._trial, self._say, self._caller = trial, say, torch.get_num_threads()
        self._on = self._caller > 1 and steps >= _LEAST
        self._usual: float | None = None
        self._slow, self._measured = 0, 0.0

    def __enter__(self) -> Self:
        if self._on:
            self._measure()
        return self

    def __exit__(self, *_: object) -> None:
        torch.set_num_threads(self._caller)

    def after(self, seconds: float) -> None:
        """Tell the length of a step."""
        if not self._on:
            return
        if self._usual is None:
            self._usual = seconds
        self._slow = self._slow + 1 if seconds > _SLOW * self._usual else 0
        if self._slow < _STEPS:
            self._usual += 0.05 * (min(seconds, _SLOW * self._usual) - self._usual)
        elif time.perf_counter() - self._measured > _PAUSE:
            self._measure()

    def _measure(self) -> None:
        before = torch.get_num_threads()
        each = timed(self._trial, (self._caller, 1))
        best = min(each, key=lambda count: each[count])
        torch.set_num_threads(best)
        if self._usual is None or best != before:
            words = ", ".join(f"{seconds:.2g} s with {_threads(count)}" for count, seconds in each.items())
            self._say(f"a step takes {words}: training with {_threads(best)}; --threads N chooses")
        self._usual, self._slow, self._measured = None, 0, time.perf_counter()


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"
