"""Progress on the terminal: a bar where there is one, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from seriatim.training.observers import Evaluation, Observer, Step

_PAUSE = 10  # seconds between plain lines


@final
class Meter(Observer):
    """The progress of a run.

    Args:
        total: steps.
        start: steps taken already.
        quiet: show nothing.
    """

    def __init__(self, total: int, start: int = 0, quiet: bool = False) -> None:
        self.total, self.quiet = total, quiet
        self.console = Console(stderr=True, highlight=False)
        self._bar: Progress | None = None
        self._began, self._start = time.perf_counter(), start
        self._elements = 0
        self._spoken = time.perf_counter()
        if self.console.is_terminal and not quiet:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=self.console,
            )
            self._task = self._bar.add_task("training", total=total, completed=start)
            self._bar.start()

    def on_step(self, step: Step) -> None:
        """Loss, pace and time left."""
        self._elements += step.symbols
        now = time.perf_counter()
        if self._bar is None and (self.quiet or (now - self._spoken < _PAUSE and step.step < self.total)):
            return
        seconds = max(now - self._began, 1e-9)
        pace = (step.step - self._start) / seconds
        rate = f"{pace:.1f} steps/s · {self._elements / seconds:,.0f} symbols/s"
        words = f"{step.loss:.3f} {step.unit.words} · {rate}"
        if self._bar is not None:
            self._bar.update(self._task, completed=step.step, description=words)
        else:
            self._spoken = now
            left = (self.total - step.step) / max(pace, 1e-9)
            self.say(f"step {step.step}/{self.total} · {words} · {left / 60:.1f} min left")

    def on_evaluation(self, evaluation: Evaluation) -> None:
        """A line that stays."""
        if evaluation.value is not None:
            best = " · best so far" if evaluation.best else ""
            words = f"{evaluation.value:.4f} {evaluation.unit.words}"
            self.say(f"step {evaluation.step} · validation {words}{best}")

    def say(self, text: str) -> None:
        """A line that stays."""
        if self.quiet:
            return
        if self._bar is not None:
            self._bar.console.print(text, markup=False)
        else:
            print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """End the bar."""
        if self._bar is not None:
            self._bar.stop()
