"""The unit of a window: where its past is, and how far it varies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.symbols import reading

Floats = NDArray[np.float64]

MODES = ("standard", "mean", "none")
FLOOR = 0.1
"""The least scale, as a share of that of all values before the window."""
_STILL = 1e-4  # likewise, as a share of the location, for values that do not vary
_BEYOND = 60.0  # of a log scale


@final
class Running:
    """Sums over a series up to each step, from which the scale of any window follows at once.

    Args:
        values: (T, C), NaN where missing.
        mode: standard, mean or none.
    """

    def __init__(self, values: Floats, mode: str) -> None:
        self.mode = mode
        there = ~np.isnan(values)
        # sums of squares are about a value of the series' own: values far from zero would lose their digits
        first = there.argmax(0)
        self.about = np.where(there.any(0), values[first, np.arange(values.shape[1])], 0.0) if len(values) else 0.0
        if mode == "mean":
            self.about = np.zeros(values.shape[1])
        away = np.where(there, values - self.about, 0.0)
        self.count, self.sum, self.square, self.size = (
            np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(each, 0)])
            for each in (there.astype(np.float64), away, away**2, np.abs(away))
        )

    def scale(self, at: int, past: int) -> Floats:
        """(C, 2): location and log scale of the window that begins at step `at`, from the `past` steps before it."""
        location = np.zeros(self.count.shape[1])
        scale = np.ones_like(location)
        if self.mode == "none":
            return np.stack([location, np.log(scale)], -1)
        begin = max(0, at - past)
        count = self.count[at] - self.count[begin]
        some, every = np.maximum(count, 1), np.maximum(self.count[at], 1)
        if self.mode == "mean":
            own, all_before = (self.size[at] - self.size[begin]) / some, self.size[at] / every
        else:
            mean = (self.sum[at] - self.sum[begin]) / some
            location = np.where(count > 0, mean, self.sum[at] / every) + self.about
            variance = (self.square[at] - self.square[begin]) / some - mean**2
            whole = self.square[at] / every - (self.sum[at] / every) ** 2
            own, all_before = (np.sqrt(np.maximum(each, 0)) for each in (variance, whole))
        scale = np.maximum(np.maximum(own, FLOOR * all_before), _STILL * np.abs(location))
        scale = np.where(scale > 0, scale, 1.0)
        return np.stack([location, np.log(scale)], -1)


@final
class WindowScale:
    """The scale of a window, as a condition: a function of the values before it, which are given and not counted.

    The location is the mean of the past and the scale its standard deviation, at least a tenth of that of all values
    before. With blocks, each value of a turned block has its own location and scale on top, learned from the training
    windows.

    Args:
        mode: standard, mean (location 0, the mean of absolute values) or none.
        past: steps.
        location: (P,) of each value at a position, in units of the window.
        log_scale: (P,) likewise.
        block: steps at a position.

    Raises:
        UserError: if they do not fit.

    Example:
        >>> scale = WindowScale("standard", past=4, location=[0.0], log_scale=[0.0])
        >>> scale.encode(np.array([[1.0], [3.0], [1.0], [3.0]])).tolist()  # mean 2, deviation 1
        [[2.0, 0.0]]
    """

    kind: ClassVar = "window-scale"

    def __init__(
        self, mode: str, past: int, location: Iterable[float], log_scale: Iterable[float], block: int = 1
    ) -> None:
        self.mode, self.past = mode, reading.whole(past, "past", 1, 2**20)
        self.block = reading.whole(block, "block", 1, 2**10)
        self.location, self.log_scale = np.array([*location], np.float64), np.array([*log_scale], np.float64)
        if mode not in MODES:
            raise UserError(f"window-scale: {mode!r:.40}; expected {', '.join(MODES)}")
        if self.location.shape != self.log_scale.shape or not len(self.location) or len(self.location) % self.block:
            raise UserError(f"window-scale: {self.location.size} locations and {self.log_scale.size} scales do not fit")
        if not (np.isfinite(self.location).all() and (np.abs(self.log_scale) < _BEYOND).all()):
            raise UserError("window-scale: a location or a scale is out of range")

    @property
    def size(self) -> int:
        """1: a real number."""
        return 1

    def encode(self, raw: NDArray[Any], /) -> Floats:
        """The values before a window (t, C) -> (P, 2).

        Raises:
            UserError: for blocks, which may be turned: `of` is told how.
        """
        if self.block > 1:
            raise UserError("window-scale: the scale of a block depends on what turns it")
        values = np.asarray(raw, np.float64)
        return self.of(Running(values, self.mode).scale(len(values), self.past), None)

    def of(self, window: Floats, matrix: Floats | None) -> Floats:
        """The scale of a window (C, 2) as that of each of the P values of a position (P, 2).

        Args:
            window: of each channel.
            matrix: what turns blocks.
        """
        location, log_scale = window[:, 0], window[:, 1]
        if self.block > 1:
            ones = np.ones(self.block) if matrix is None else matrix.sum(1)
            location, log_scale = location * ones, np.repeat(log_scale, self.block)
        return np.stack([location + np.exp(log_scale) * self.location, log_scale + self.log_scale], -1)

    def decode(self, x: Any, /) -> Any:  # noqa: ARG002
        """A window cannot be told from its scale."""
        raise UserError("window-scale: values cannot be read back from their scale")

    def to_json(self) -> dict[str, Any]:
        """Everything that `from_json` needs."""
        numbers: dict[str, Sequence[float]] = {"location": self.location.tolist(), "log_scale": self.log_scale.tolist()}
        return {"kind": self.kind, "mode": self.mode, "past": self.past, "block": self.block, **numbers}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The inverse of `to_json`."""
        fields = reading.document(document, cls.kind, ("mode", "past", "block", "location", "log_scale"))
        numbers = [reading.numbers(fields[name], name) for name in ("location", "log_scale")]
        past, block = (reading.whole(fields[name], name, 1, 2**20) for name in ("past", "block"))
        return cls(reading.text(fields["mode"], "mode"), past, *numbers, block=block)
