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
_OFF = 1e-6  # of a grid's step, that a value may be away from it


@final
class TrajectoryCodec:
    """Points of a trajectory <-> positions of a model.

    A position is a category and then the values. Of a drawing, the category is the state of the pen after the move: 0
    down, 1 lifted, 2 end. Of other trajectories it is 0 for a point and 1 for the end. The end is a position of its
    own, whose values are 0 and mean nothing: T points are T + 1 positions.

    Values on a grid, such as whole numbers, would have an unbounded density. Uniform noise as wide as the grid is
    added, so that −log p bounds that of the grid's cells from above.

    Args:
        channels: the name of each channel; `PEN` for drawings.
        longest: points of the longest trajectory in training; samples end after twice as many.
        grid: the step of the grid; 0: values are real.

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

    def __init__(self, channels: Sequence[str], longest: int, grid: float = 0.0) -> None:
        self.channels, self.longest = tuple(channels), reading.whole(longest, "longest", 1, _LONGEST)
        if not 1 <= len(self.channels) <= _WIDEST:
            raise UserError(f"{len(self.channels):,} channels; expected 1 to {_WIDEST:,}")
        if not 0 <= grid < 2**20:
            raise UserError(f"grid: {grid}; expected a number from 0")
        self.grid = float(grid)

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
        return np.column_stack([mark, values])

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
        values = np.rint(x[:, 1:] / self.grid) * self.grid if self.grid else x[:, 1:]
        values = values + 0.0  # no −0
        return np.column_stack([values, x[:, 0]]) if self.drawn else values

    def to_json(self) -> dict[str, Any]:
        """Everything that `from_json` needs."""
        return {"kind": self.kind, "channels": list(self.channels), "longest": self.longest, "grid": self.grid}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The inverse of `to_json`."""
        fields = reading.document(document, cls.kind, ("channels", "longest", "grid"))
        longest = reading.whole(fields["longest"], "longest", 1, _LONGEST)
        return cls(reading.strings(fields["channels"], "channels"), longest, reading.number(fields["grid"], "grid"))


@final
class FixedScale:
    """The unit of each value, learned from the training split: a location and a log scale.

    Args:
        location: (P,) of the category, which is 0, and of each value.
        log_scale: (P,) likewise.

    Raises:
        UserError: if they do not fit.

    Example:
        >>> points = [np.array([[3.0, 4.0, 0.0], [3.0, 4.0, 1.0]])]
        >>> FixedScale.train(points, TrajectoryCodec(PEN, 2)).encode(None).round(3).tolist()  # √12.5 both ways
        [[0.0, 0.0], [0.0, 1.263], [0.0, 1.263]]
    """

    kind: ClassVar = "fixed-scale"

    def __init__(self, location: Sequence[float], log_scale: Sequence[float]) -> None:
        self.location, self.log_scale = np.array([*location], np.float64), np.array([*log_scale], np.float64)
        if self.location.shape != self.log_scale.shape or not 1 <= len(self.location) <= 1 + _WIDEST:
            raise UserError(
                f"fixed-scale: {self.location.size} locations and {self.log_scale.size} scales do not fit each other"
            )
        if not (np.isfinite(self.location).all() and (np.abs(self.log_scale) < 700).all()):
            raise UserError("fixed-scale: a location or a scale is out of range")

    @classmethod
    def train(cls, x: Sequence[NDArray[np.float64]], codec: TrajectoryCodec) -> Self:
        """Learn from points: of drawings one unit for both directions, as in sketch-rnn; else each channel's own.

        A channel that never changes has the scale 1.
        """
        values = np.concatenate([each[:, : codec.parts] for each in x])
        if codec.drawn:
            location, scale = np.zeros(2), np.full(2, np.sqrt(np.square(values).mean()))
        else:
            location, scale = values.mean(0), values.std(0)
        still = scale <= 1e-12 * np.maximum(np.abs(location), np.abs(values).max(0))
        scale = np.where(still, codec.grid or 1.0, scale)
        return cls([0.0, *location.tolist()], [0.0, *np.log(scale).tolist()])

    @property
    def size(self) -> int:
        """1: a real number."""
        return 1

    def encode(self, raw: object, /) -> Floats:  # noqa: ARG002
        """(P, 2), the same for all trajectories."""
        return np.stack([self.location, self.log_scale], -1)

    def decode(self, x: Any, /) -> Any:  # noqa: ARG002
        """Values cannot be told from their unit."""
        raise UserError("fixed-scale: values cannot be read back from their unit")

    def to_json(self) -> dict[str, Any]:
        """Everything that `from_json` needs."""
        return {"kind": self.kind, "location": self.location.tolist(), "log_scale": self.log_scale.tolist()}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The inverse of `to_json`."""
        fields = reading.document(document, cls.kind, ("location", "log_scale"))
        return cls(*(reading.numbers(fields[name], name) for name in ("location", "log_scale")))
