"""Time-aligned numbers of any kind: pitch, lip positions, linguistic features."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.symbols import reading


@final
class Track:
    """A time-aligned array of numbers, a frame per `hop` samples, standardised with the training split's statistics.

    Args:
        hop: samples per frame.
        mean: mean of each number.
        std: standard deviation of each number.

    Example:
        >>> import numpy as np
        >>> codec = Track.train(80, [np.array([[1.0], [3.0]])])
        >>> codec.encode(np.array([[1.0], [2.0]])).tolist()
        [[-1.0], [0.0]]
    """

    kind: ClassVar = "track"

    def __init__(self, hop: int, mean: Iterable[float], std: Iterable[float]) -> None:
        self.hop = reading.whole(hop, "hop", 1, 1 << 15)
        self.mean, self.std = np.array([*mean], np.float64), np.array([*std], np.float64)
        if not len(self.mean) or len(self.mean) != len(self.std):
            raise UserError(f"mean: expected one number or more, and as many for std, got {len(self.mean)}")
        if not (np.isfinite(self.mean).all() and np.isfinite(self.std).all() and (self.std > 0).all()):
            raise UserError("std: expected finite numbers above 0, and finite means")

    @classmethod
    def train(cls, hop: int, values: Iterable[NDArray[Any]]) -> Self:
        """Learn mean and standard deviation from frames (K, F); constant numbers become 0."""
        columns = np.concatenate([np.asarray(value, np.float64) for value in values])
        if not len(columns):
            raise UserError("track: there is none to learn from")
        mean, std = columns.mean(axis=0), columns.std(axis=0)
        varies = std > 1e-9 * np.abs(mean)  # rounding errors are not variation
        return cls(hop, mean.tolist(), np.where(varies, std, 1.0).tolist())

    @property
    def size(self) -> int:
        """Numbers per frame."""
        return len(self.mean)

    def encode(self, raw: NDArray[Any], /) -> NDArray[np.float32]:
        """Frames (K, F), standardised."""
        columns: NDArray[Any] = np.asarray(raw)
        if columns.ndim != 2 or columns.shape[1] != self.size or columns.dtype.kind not in "fiu":
            raise UserError(f"track: shape {columns.shape} of {columns.dtype}; expected (frames, {self.size}) numbers")
        if not np.isfinite(columns).all():
            raise UserError("track: contains values that are not finite: replace them first")
        return ((columns - self.mean) / self.std).astype(np.float32)

    def decode(self, x: NDArray[Any], /) -> NDArray[np.float32]:
        """The frames before standardisation."""
        return (np.asarray(x) * self.std + self.mean).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """Hop, mean and standard deviation."""
        return {"kind": self.kind, "hop": self.hop, "mean": self.mean.tolist(), "std": self.std.tolist()}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The inverse of `to_json`."""
        fields = reading.document(document, cls.kind, ("hop", "mean", "std"))
        return cls(fields["hop"], reading.numbers(fields["mean"], "mean"), reading.numbers(fields["std"], "std"))
