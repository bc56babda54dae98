"""Who watches a run: the metrics file, the progress display, TensorBoard, and whatever a user passes.

All of them are told the same two things, by `on_step` and `on_evaluation`.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast, final

from seriatim.errors import UserError
from seriatim.training.unit import Unit


class Step(NamedTuple):
    """After an optimiser step.

    Attributes:
        step: the number of steps taken.
        total: how many there will be.
        loss: mean loss on the training data since the last row, in `unit`.
        unit: what it is counted in.
        lr: the learning rate of this step.
        symbols: how many this step learned from.
        rows: metrics that are due at this step, as they stand in `metrics.jsonl`; most steps have none.
    """

    step: int
    total: int
    loss: float
    unit: Unit
    lr: float
    symbols: int
    rows: tuple[Mapping[str, Any], ...] = ()


class Evaluation(NamedTuple):
    """After an evaluation.

    Attributes:
        step: the number of steps taken.
        value: mean loss on the validation split in `unit`; None without one.
        unit: what it is counted in.
        best: whether no evaluation before was better, so that the model is now saved as the run's.
    """

    step: int
    value: float | None
    unit: Unit
    best: bool

    @property
    def rows(self) -> tuple[Mapping[str, Any], ...]:
        """As it stands in `metrics.jsonl`."""
        return () if self.value is None else ({"step": self.step, f"validation_{self.unit.key}": self.value},)


class Observer:
    """Watches a run. Every method does nothing unless it is overridden."""

    def on_step(self, step: Step) -> None:
        """After an optimiser step."""

    def on_evaluation(self, evaluation: Evaluation) -> None:
        """After an evaluation."""

    def close(self) -> None:
        """At the end, also if the run is interrupted."""


@final
class Calls(Observer):
    """Two functions as an observer."""

    def __init__(
        self,
        on_step: Callable[[Step], object] | None = None,
        on_evaluation: Callable[[Evaluation], object] | None = None,
    ) -> None:
        self._on_step, self._on_evaluation = on_step, on_evaluation

    def on_step(self, step: Step) -> None:
        """Call the first."""
        if self._on_step is not None:
            self._on_step(step)

    def on_evaluation(self, evaluation: Evaluation) -> None:
        """Call the second."""
        if self._on_evaluation is not None:
            self._on_evaluation(evaluation)


class _Rows(Observer):
    """An observer that takes rows of metrics one by one."""

    def write(self, row: Mapping[str, Any]) -> None:
        raise NotImplementedError

    @final
    def on_step(self, step: Step) -> None:
        for row in step.rows:
            self.write(row)

    @final
    def on_evaluation(self, evaluation: Evaluation) -> None:
        for row in evaluation.rows:
            self.write(row)


@final
class Log(_Rows):
    """`metrics.jsonl`: one JSON object a line, flushed at once, cut back to the step that a run resumes from."""

    def __init__(self, path: Path, resume_from: int = 0) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+", encoding="utf-8")
        self._file.truncate(_length(path, resume_from) if resume_from else 0)

    def write(self, row: Mapping[str, Any]) -> None:
        """Add a line.

        Raises:
            UserError: if it cannot be written.
        """
        try:
            self._file.write(json.dumps(row) + "\n")
            self._file.flush()
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror}; free some space and --resume") from error

    def close(self) -> None:
        """End the file."""
        self._file.close()


@final
class Board(_Rows):
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

    def write(self, row: Mapping[str, Any]) -> None:
        """Every number of a metrics row."""
        for key, value in row.items():
            if key != "step" and isinstance(value, int | float):
                self._writer.add_scalar(key, value, row["step"])

    def close(self) -> None:
        """Flush and end."""
        self._writer.close()


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
