"""Observers of a run: the metrics file, the progress display, TensorBoard, and the user's own.

All of them receive the same two events, by `on_step` and `on_evaluation`.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast, final

from seriatim.errors import UserError
from seriatim.runs.files import no_follow
from seriatim.training.unit import Unit


class Step(NamedTuple):
    """The event after an optimiser step.

    Attributes:
        step: number of steps taken.
        total: number of steps in total.
        loss: mean training loss since the last row, in `unit`.
        unit: unit of the loss.
        lr: learning rate of this step.
        symbols: number of symbols in this step.
        rows: rows for `metrics.jsonl` that are due at this step; most steps have none.

    Example:
        >>> from seriatim.training.unit import Unit
        >>> step = Step(step=10, total=100, loss=1.5, unit=Unit("nats_per_token", 1), lr=1e-3, symbols=512)
        >>> f"{step.step}/{step.total}: {step.loss} {step.unit.words}"
        '10/100: 1.5 nats/token'
    """

    step: int
    total: int
    loss: float
    unit: Unit
    lr: float
    symbols: int
    rows: tuple[Mapping[str, Any], ...] = ()


class Evaluation(NamedTuple):
    """The event after an evaluation.

    Attributes:
        step: number of steps taken.
        value: mean loss on the validation split in `unit`; None without one.
        unit: unit of the loss.
        best: whether this is the best evaluation so far, after which the model is saved.
        marginal: at step 0 of an untrained model, the entropy of the training symbols' frequencies, where it should
            begin; None otherwise.

    Example:
        >>> from seriatim.training.unit import Unit
        >>> Evaluation(step=10, value=1.25, unit=Unit("nats_per_token", 1), best=True).rows
        ({'step': 10, 'validation_nats_per_token': 1.25},)
    """

    step: int
    value: float | None
    unit: Unit
    best: bool
    marginal: float | None = None

    @property
    def rows(self) -> tuple[Mapping[str, Any], ...]:
        """The row for `metrics.jsonl`."""
        if self.value is None:
            return ()
        row = {"step": self.step, f"validation_{self.unit.key}": self.value}
        return (row if self.marginal is None else {**row, f"marginal_{self.unit.key}": self.marginal},)


class Observer:
    """Watches a run. By default, every method does nothing."""

    def on_step(self, step: Step) -> None:
        """Called after an optimiser step."""

    def on_evaluation(self, evaluation: Evaluation) -> None:
        """Called after an evaluation."""

    def close(self) -> None:
        """Called at the end, even if the run is interrupted."""


@final
class Calls(Observer):
    """An observer made of two functions."""

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


class _Rows(Observer, ABC):
    """An observer that takes rows of metrics one by one."""

    @abstractmethod
    def write(self, row: Mapping[str, Any]) -> None: ...

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
    """`metrics.jsonl`: one JSON object per line, flushed at once, truncated to the step that a run resumes from."""

    def __init__(self, path: Path, resume_from: int = 0) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(path, "a+", encoding="utf-8", opener=no_follow)  # noqa: SIM115
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
        """Close the file."""
        self._file.close()


@final
class Board(_Rows):
    """TensorBoard logging.

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
        """Log every number of a metrics row."""
        for key, value in row.items():
            if key != "step" and isinstance(value, int | float):
                self._writer.add_scalar(key, value, row["step"])

    def close(self) -> None:
        """Flush and close."""
        self._writer.close()


def _length(path: Path, last: int) -> int:
    """The number of bytes of a `metrics.jsonl` in complete lines of steps up to `last`."""
    size = 0
    for line, row in zip(path.read_bytes().splitlines(keepends=True), read(path), strict=False):
        if row["step"] > last or not line.endswith(b"\n"):
            break
        size += len(line)
    return size


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a `metrics.jsonl`, up to the first that is damaged or incomplete."""
    rows: list[dict[str, Any]] = []
    if path.is_file():
        for line in path.read_bytes().splitlines():
            try:
                row: Any = json.loads(line)
            except (ValueError, RecursionError):
                break
            if not isinstance(row, dict) or "step" not in row:
                break
            if not all(map(_plain, cast("dict[str, Any]", row).items())):
                break
            rows.append(cast("dict[str, Any]", row))
    return rows


def _plain(item: tuple[str, Any]) -> bool:
    """Whether a column has a number, as all have; steps are whole."""
    key, value = item
    if key in ("step", "epoch"):
        return type(value) is int and 0 <= value < 2**53
    return type(value) in (int, float) and abs(value) <= sys.float_info.max
