"""Conditions of a film that change from frame to frame: what a robot did, how a camera moved."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.symbols import reading
from seriatim.symbols.scale import Scale


@final
class Actions:
    """Numbers for each frame of a film, standardised with the training split's statistics.

    Those of a frame are known before it is drawn.

    Args:
        mean: mean of each number.
        std: standard deviation of each number.

    Example:
        >>> import numpy as np
        >>> codec = Actions.train([np.array([[1.0], [3.0]])])
        >>> codec.encode(np.array([[1.0], [2.0]])).tolist()
        [[-1.0], [0.0]]
    """

    kind: ClassVar = "actions"

    def __init__(self, mean: Iterable[float], std: Iterable[float]) -> None:
        self.scale = Scale([*mean], [*std], "actions")

    @classmethod
    def train(cls, values: Iterable[NDArray[Any]]) -> Self:
        """Learn mean and standard deviation from actions (T, A); constant numbers become 0."""
        scale = Scale.of((np.asarray(value) for value in values), "actions")
        return cls(scale.mean.tolist(), scale.std.tolist())

    @property
    def size(self) -> int:
        """Numbers per frame."""
        return self.scale.size

    def encode(self, raw: NDArray[Any], /) -> NDArray[np.float32]:
        """Actions (T, A), standardised.

        Raises:
            UserError: if they have another number of columns, or are not finite.
        """
        rows: NDArray[Any] = np.asarray(raw)
        if rows.ndim != 2 or rows.shape[1] != self.size or rows.dtype.kind not in "fiu":
            raise UserError(f"actions: shape {rows.shape} of {rows.dtype}; expected (frames, {self.size}) numbers")
        if not np.isfinite(rows).all():
            raise UserError("actions: contain values that are not finite: replace them first")
        return self.scale.apply(rows).astype(np.float32)

    def decode(self, x: NDArray[Any], /) -> NDArray[np.float32]:
        """The actions before standardisation."""
        return self.scale.undo(x).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """Mean and standard deviation."""
        return {"kind": self.kind, **self.scale.to_json()}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The inverse of `to_json`."""
        fields = reading.document(document, cls.kind, ("mean", "std"))
        return cls(reading.numbers(fields["mean"], "mean"), reading.numbers(fields["std"], "std"))
