"""Progress on the terminal: a bar where there is one, plain lines elsewhere."""

from __future__ import annotations

import time
from typing import final

from seriatim.data.progress import Bar
from seriatim.errors import tell
from seriatim.training.observers import Evaluation, Observer, Step

_PAUSE = 10  # seconds between plain lines


@final
class Meter(Observer):
    """The progress of a run.

    Args:
        total: number of steps.
        start: steps taken already.
        quiet: show nothing.
    """

    def __init__(self, total: int, start: int = 0, quiet: bool = False) -> None:
        self.total, self.quiet = total, quiet
        self._began, self._start = time.perf_counter(), start
        self._elements = 0
        self._spoken = time.perf_counter()
        self._bar = Bar("training", total, start, stays=True, quiet=quiet).open()

    def on_step(self, step: Step) -> None:
        """Show loss, pace and time left."""
        self._elements += step.symbols
        now = time.perf_counter()
        if not self._bar.shown and (self.quiet or (now - self._spoken < _PAUSE and step.step < self.total)):
            return
        seconds = max(now - self._began, 1e-9)
        pace = (step.step - self._start) / seconds
        rate = f"{pace:.1f} steps/s · {self._elements / seconds:,.0f} symbols/s"
        words = f"{step.loss:.3f} {step.unit.words} · {rate}"
        if self._bar.shown:
            self._bar.to(step.step, words)
        else:
            self._spoken = now
            left = (self.total - step.step) / max(pace, 1e-9)
            self.say(f"step {step.step}/{self.total} · {words} · {left / 60:.1f} min left")

    def on_evaluation(self, evaluation: Evaluation) -> None:
        """Print the result."""
        if evaluation.value is not None:
            best = " · best so far" if evaluation.best and evaluation.step else ""
            if evaluation.marginal is not None:
                best = f" · untrained; the symbols' frequencies alone have {evaluation.marginal:.4f}"
            words = f"{evaluation.value:.4f} {evaluation.unit.words}"
            self.say(f"step {evaluation.step} · validation {words}{best}")

    def say(self, text: str) -> None:
        """Print a line, above the bar if there is one."""
        if self._bar.shown:
            self._bar.print(text)
        elif not self.quiet:
            tell(text)

    def close(self) -> None:
        """Stop the bar."""
        self._bar.close()
