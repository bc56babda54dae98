"""Time-aligned numbers of any kind: pitch, lip positions, linguistic features."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.symbols import reading
from seriatim.symbols.scale import Scale


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
        self.scale = Scale([*mean], [*std], "track")

    @classmethod
    def train(cls, hop: int, values: Iterable[NDArray[Any]]) -> Self:
        """Learn mean and standard deviation from frames (K, F); constant numbers become 0."""
        scale = Scale.of((np.asarray(value) for value in values), "track")
        return cls(hop, scale.mean.tolist(), scale.std.tolist())

    @property
    def size(self) -> int:
        """Numbers per frame."""
        return self.scale.size

    def encode(self, raw: NDArray[Any], /) -> NDArray[np.float32]:
        """Frames (K, F), standardised."""
        columns: NDArray[Any] = np.asarray(raw)
        if columns.ndim != 2 or columns.shape[1] != self.size or columns.dtype.kind not in "fiu":
            raise UserError(f"track: shape {columns.shape} of {columns.dtype}; expected (frames, {self.size}) numbers")
        if not np.isfinite(columns).all():
            raise UserError("track: contains values that are not finite: replace them first")
        return self.scale.apply(columns).astype(np.float32)

    def decode(self, x: NDArray[Any], /) -> NDArray[np.float32]:
        """The frames before standardisation."""
        return self.scale.undo(x).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """Hop, mean and standard deviation."""
        return {"kind": self.kind, "hop": self.hop, **self.scale.to_json()}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The inverse of `to_json`."""
        fields = reading.document(document, cls.kind, ("hop", "mean", "std"))
        return cls(fields["hop"], reading.numbers(fields["mean"], "mean"), reading.numbers(fields["std"], "std"))
