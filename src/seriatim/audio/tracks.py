"""Numbers of one's own that run beside the sound: pitch, positions of the lips, linguistic features."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.symbols import reading


@final
class Track:
    """Some numbers for each stretch of `hop` samples, in units of the training data's standard deviation.

    Args:
        hop: samples of a column.
        mean: of each number.
        std: of each number.
    """

    kind: ClassVar = "track"

    def __init__(self, hop: int, mean: Iterable[float], std: Iterable[float]) -> None:
        self.hop = reading.whole(hop, "hop", 1, 1 << 15)
        self.mean, self.std = np.array([*mean], np.float64), np.array([*std], np.float64)
        if not len(self.mean) or len(self.mean) != len(self.std):
            raise UserError(f"mean: wanted one number or more, and as many for std, got {len(self.mean)}")
        if not (np.isfinite(self.mean).all() and np.isfinite(self.std).all() and (self.std > 0).all()):
            raise UserError("std: wanted finite numbers above 0, and finite means")

    @classmethod
    def train(cls, hop: int, values: Iterable[NDArray[Any]]) -> Self:
        """Take mean and standard deviation of columns (K, F); a number that never varies is left at 0."""
        columns = np.concatenate([np.asarray(value, np.float64) for value in values])
        if not len(columns):
            raise UserError("series: there is none to learn from")
        mean, std = columns.mean(axis=0), columns.std(axis=0)
        varies = std > 1e-9 * np.abs(mean)  # what rounding leaves is no variation
        return cls(hop, mean.tolist(), np.where(varies, std, 1.0).tolist())

    @property
    def size(self) -> int:
        """Numbers a column."""
        return len(self.mean)

    def encode(self, raw: NDArray[Any], /) -> NDArray[np.float32]:
        """Columns (K, F), standardised."""
        columns: NDArray[Any] = np.asarray(raw)
        if columns.ndim != 2 or columns.shape[1] != self.size or columns.dtype.kind not in "fiu":
            raise UserError(
                f"series: shape {columns.shape} of {columns.dtype}, where (columns, {self.size}) numbers are wanted"
            )
        if not np.isfinite(columns).all():
            raise UserError("series: holds what is no finite number: fill it in first")
        return ((columns - self.mean) / self.std).astype(np.float32)

    def decode(self, x: NDArray[Any], /) -> NDArray[np.float32]:
        """The columns in their own units."""
        return (np.asarray(x) * self.std + self.mean).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """Hop, mean and standard deviation."""
        return {"kind": self.kind, "hop": self.hop, "mean": self.mean.tolist(), "std": self.std.tolist()}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The reverse of `to_json`."""
        fields = reading.document(document, cls.kind, ("hop", "mean", "std"))
        return cls(fields["hop"], reading.numbers(fields["mean"], "mean"), reading.numbers(fields["std"], "std"))
