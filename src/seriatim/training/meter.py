"""What one sees of a run: the progress line, `metrics.jsonl`, the curve as a picture, TensorBoard."""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from pathlib import Path
from typing import Any, cast, final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from seriatim.errors import UserError
from seriatim.training.unit import Unit


@final
class Log:
    """`metrics.jsonl`: one JSON object a line, flushed at once, cut back to the step that a run resumes from."""

    def __init__(self, path: Path, resume_from: int = 0) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+", encoding="utf-8")
        self._file.truncate(_length(path, resume_from) if resume_from else 0)

    def write(self, row: dict[str, Any]) -> None:
        """Add a line."""
        try:
            self._file.write(json.dumps(row) + "\n")
            self._file.flush()
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror}; free some space and --resume") from error

    def close(self) -> None:
        """End the file."""
        self._file.close()


def _length(path: Path, last: int) -> int:
    """How many bytes of a `metrics.jsonl` are whole lines of steps up to `last`."""
    size = 0
    for line, row in zip(path.read_bytes().splitlines(keepends=True), read(path), strict=False):
        if row.get("step", 0) > last or not line.endswith(b"\n"):
            break
        size += len(line)
    return size


def read(path: Path) -> list[dict[str, Any]]:
    """The lines of a `metrics.jsonl`; a last line that was cut off is left out."""
    rows: list[dict[str, Any]] = []
    if path.is_file():
        for line in path.read_bytes().splitlines():
            try:
                row: Any = json.loads(line)
            except ValueError:
                break
            if not isinstance(row, dict):
                break
            rows.append(cast("dict[str, Any]", row))
    return rows


@final
class Meter:
    """Progress on the terminal: a bar where there is one, plain lines elsewhere."""

    def __init__(self, total: int, start: int, unit: str, quiet: bool = False) -> None:
        self.total, self.unit, self.quiet = total, unit, quiet
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

    def step(self, step: int, loss: float, elements: int) -> None:
        """After a step: its loss and how many symbols it has learned from."""
        self._elements += elements
        now = time.perf_counter()
        if self._bar is None and (self.quiet or (now - self._spoken < 10 and step < self.total)):
            return
        seconds = max(now - self._began, 1e-9)
        pace = (step - self._start) / seconds
        words = f"{loss:.3f} {self.unit} · {pace:.1f} steps/s · {self._elements / seconds:,.0f} symbols/s"
        if self._bar is not None:
            self._bar.update(self._task, completed=step, description=words)
        else:
            self._spoken = now
            left = (self.total - step) / max(pace, 1e-9)
            self.say(f"step {step}/{self.total} · {words} · {left / 60:.1f} min left")

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


def draw_curve(metrics: Path, picture: Path, unit: Unit) -> bool:
    """Draw the learning curves of a `metrics.jsonl`; False without matplotlib or without anything to draw."""
    if importlib.util.find_spec("matplotlib") is None:
        return False
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = read(metrics)
    train, held = (
        [(row["step"], row[f"{split}_{unit.key}"]) for row in rows if f"{split}_{unit.key}" in row]
        for split in ("train", "validation")
    )
    if not train and not held:
        return False
    figure = Figure(figsize=(6.4, 4.0), dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    if train:
        axes.plot(*zip(*train, strict=True), linewidth=1, alpha=0.6, label="training")
    if held:
        axes.plot(*zip(*held, strict=True), marker="o", markersize=3, label="validation")
    axes.set_xlabel("step")
    axes.set_ylabel(unit.words)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(picture)
    return True


@final
class Board:
    """TensorBoard, if asked for.

    Raises:
        UserError: if it is not installed.
    """

    def __init__(self, folder: Path) -> None:
        if importlib.util.find_spec("tensorboard") is None:
            raise UserError(
                "TensorBoard is not installed; pip install 'seriatim[tracking]' or leave out --train.tensorboard"
            )
        from torch.utils.tensorboard.writer import SummaryWriter

        self._writer = SummaryWriter(str(folder))

    def write(self, row: dict[str, Any]) -> None:
        """Every number of a metrics row."""
        for key, value in row.items():
            if key != "step" and isinstance(value, int | float):
                self._writer.add_scalar(key, value, row["step"])

    def close(self) -> None:
        """Flush and end."""
        self._writer.close()
