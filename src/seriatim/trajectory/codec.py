"""Trajectories as symbols: at every position a category and values, and an end."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.symbols import reading
from seriatim.trajectory.data.trajectories import PEN

Floats = NDArray[np.float64]

_WIDEST = 2**10  # channels
_LONGEST = 2**20  # points
_BEYOND = 60.0  # of a log scale: float32 has no more
_STILL = 1e-12  # of the largest value: a deviation that is none
_OFF = 1e-6  # of a grid's step, that a value may be away from it


@final
class TrajectoryCodec:
    """Points of a trajectory <-> positions of a model.

    A position is a category and then the values. Of a drawing, the category is the state of the pen after the move: 0
    down, 1 lifted, 2 end. Of other trajectories it is 0 for a point and 1 for the end. The end is a position of its
    own, whose values are 0 and mean nothing: T points are T + 1 positions.

    Values on a grid of step g, such as whole numbers, would have an unbounded density. Uniform noise as wide as that
    is added: −log p − P log g for each point bounds what the grid's cells cost from above; with g = 1, −log p does.

    Other channels are held relative to an origin, so that values far from 0 keep their digits in float32.

    Args:
        channels: the name of each channel; `PEN` for drawings.
        longest: points of the longest trajectory in training; samples end after twice as many.
        grid: the step of the grid; 0: values are real.
        origin: (P,) what is subtracted from each value. Default: 0.

    Raises:
        UserError: if a number is out of range.

    Example:
        >>> codec = TrajectoryCodec(PEN, longest=2)
        >>> codec.encode(np.array([[3.0, 4.0, 0.0], [1.0, 0.0, 1.0]])).tolist()
        [[0.0, 3.0, 4.0], [1.0, 1.0, 0.0], [2.0, 0.0, 0.0]]
        >>> codec.decode(codec.encode(np.array([[3.0, 4.0, 1.0]]))).tolist()
        [[3.0, 4.0, 1.0]]
    """

    kind: ClassVar = "trajectory"

    def __init__(
        self, channels: Sequence[str], longest: int, grid: float = 0.0, origin: Sequence[float] | None = None
    ) -> None:
        self.channels, self.longest = tuple(channels), reading.whole(longest, "longest", 1, _LONGEST)
        if not 1 <= len(self.channels) <= _WIDEST:
            raise UserError(f"{len(self.channels):,} channels; expected 1 to {_WIDEST:,}")
        if not 0 <= grid < 2**20:
            raise UserError(f"grid: {grid}; expected a number from 0")
        self.grid = float(grid)
        self.origin = np.zeros(self.parts) if origin is None else np.array([*origin], np.float64)
        if self.origin.shape != (self.parts,) or not np.isfinite(self.origin).all():
            raise UserError(f"origin: {self.origin.size} numbers; expected {self.parts} finite ones")

    @property
    def drawn(self) -> bool:
        """Whether trajectories are drawings."""
        return self.channels == PEN

    @property
    def size(self) -> int:
        """1: a real number."""
        return 1

    @property
    def marks(self) -> int:
        """Categories, of which the last is the end."""
        return 3 if self.drawn else 2

    @property
    def parts(self) -> int:
        """Values at a position."""
        return 2 if self.drawn else len(self.channels)

    def encode(self, raw: NDArray[Any], /) -> Floats:
        """Points (T, C) -> (T + 1, 1 + P), with the end.

        Raises:
            UserError: if they do not have these channels, or are not on the grid.
        """
        body = self.begun(raw)
        end = np.zeros((1, 1 + self.parts))
        end[0, 0] = self.marks - 1
        return np.concatenate([body, end])

    def begun(self, raw: NDArray[Any]) -> Floats:
        """Points (T, C) -> (T, 1 + P), without an end. For errors see `encode`."""
        x = np.asarray(raw, np.float64)
        if x.ndim != 2 or x.shape[1] != len(self.channels):
            raise UserError(
                f"points of shape {x.shape}; expected (points, {len(self.channels)}): {', '.join(self.channels)[:80]}"
            )
        if not np.isfinite(x).all():
            raise UserError("a point is not finite; leave it out")
        mark = x[:, 2] if self.drawn else np.zeros(len(x))
        if not np.isin(mark, (0.0, 1.0)).all():
            raise UserError("the third column of a drawing says whether the pen is lifted; expected 0 or 1")
        values = x[:, : self.parts]
        if self.grid and len(values):
            off = np.abs(values / self.grid - np.rint(values / self.grid)).max()
            if off > _OFF:
                raise UserError(
                    f"the model's values are multiples of {self.grid:g}, and these are not; round them, or train "
                    "with --trajectory.grid 0"
                )
        return np.column_stack([mark, values - self.origin])

    def noisy(self, positions: Floats, random: np.random.Generator | None = None) -> Floats:
        """Positions with uniform noise as wide as the grid; without a grid as they are.

        Args:
            positions: (T, 1 + P).
            random: where noise comes from. Default: a stream that follows from the positions alone, so that a figure
                does not depend on what else is judged.
        """
        if not self.grid:
            return positions
        random = random or np.random.default_rng(zlib.crc32(np.ascontiguousarray(positions).tobytes()))
        out = positions.copy()
        there = positions[:, 0] < self.marks - 1
        out[there, 1:] += self.grid * (random.random((int(there.sum()), self.parts)) - 0.5)
        return out

    def decode(self, x: NDArray[Any], /) -> Floats:
        """Positions (T, 1 + P) -> points, up to the first end, on the grid."""
        x = np.asarray(x, np.float64)
        ended = np.flatnonzero(x[:, 0] == self.marks - 1)
        x = x[: ended[0]] if len(ended) else x
        values = x[:, 1:] + self.origin
        values = np.rint(values / self.grid) * self.grid if self.grid else values
        values = values + 0.0  # no −0
        return np.column_stack([values, x[:, 0]]) if self.drawn else values

    def to_json(self) -> dict[str, Any]:
        """Everything that `from_json` needs."""
        numbers = {"longest": self.longest, "grid": self.grid, "origin": self.origin.tolist()}
        return {"kind": self.kind, "channels": list(self.channels), **numbers}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The inverse of `to_json`."""
        fields = reading.document(document, cls.kind, ("channels", "longest", "grid", "origin"))
        longest, channels = reading.whole(fields["longest"], "longest", 1, _LONGEST), fields["channels"]
        grid, origin = reading.number(fields["grid"], "grid"), reading.numbers(fields["origin"], "origin")
        return cls(reading.strings(channels, "channels"), longest, grid, origin)


@final
class FixedScale:
    """The unit of each value, learned from the training split: a location of 0 and a log scale.

    Args:
        log_scale: (P,) of the category, which is 0, and of each value.

    Raises:
        UserError: if a scale is out of range.

    Example:
        >>> points = [np.array([[3.0, 4.0, 0.0], [3.0, 4.0, 1.0]])]
        >>> FixedScale.train(points, TrajectoryCodec(PEN, 2)).encode(None).round(3).tolist()  # √12.5 both ways
        [[0.0, 0.0], [0.0, 1.263], [0.0, 1.263]]
    """

    kind: ClassVar = "fixed-scale"

    def __init__(self, log_scale: Sequence[float]) -> None:
        self.log_scale = np.array([*log_scale], np.float64)
        if not 1 <= len(self.log_scale) <= 1 + _WIDEST or not (np.abs(self.log_scale) < _BEYOND).all():
            raise UserError("fixed-scale: a scale is out of range")

    @classmethod
    def train(cls, x: Sequence[NDArray[np.float64]], codec: TrajectoryCodec) -> Self:
        """Learn from points: of drawings one unit for both directions, as in sketch-rnn; else each channel's own.

        A channel that never changes has the scale 1.
        """
        values = np.concatenate([each[:, : codec.parts] for each in x]) - codec.origin
        scale = np.full(2, np.sqrt(np.square(values).mean())) if codec.drawn else values.std(0)
        still = scale <= _STILL * np.maximum(np.abs(codec.origin), np.abs(values).max(0))
        scale = np.where(still, codec.grid or 1.0, scale)
        return cls([0.0, *np.log(scale).tolist()])

    @property
    def size(self) -> int:
        """1: a real number."""
        return 1

    def encode(self, raw: object, /) -> Floats:  # noqa: ARG002
        """(P, 2), the same for all trajectories."""
        return np.stack([np.zeros_like(self.log_scale), self.log_scale], -1)

    def decode(self, x: Any, /) -> Any:  # noqa: ARG002
        """Values cannot be told from their unit."""
        raise UserError("fixed-scale: values cannot be read back from their unit")

    def to_json(self) -> dict[str, Any]:
        """Everything that `from_json` needs."""
        return {"kind": self.kind, "log_scale": self.log_scale.tolist()}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The inverse of `to_json`."""
        fields = reading.document(document, cls.kind, ("log_scale",))
        return cls(reading.numbers(fields["log_scale"], "log_scale"))
