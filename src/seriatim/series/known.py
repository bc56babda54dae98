"""What is known ahead of a forecast: prices, promotions, holidays, a weather forecast."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.symbols import reading
from seriatim.symbols.scale import Scale


@final
class Known:
    """Numbers at every step, standardised with the training split's statistics; a missing one is the mean.

    Args:
        names: of the columns.
        mean: of each.
        std: of each, > 0.
        block: steps at a position, of which all are told.

    Example:
        >>> known = Known.train(["price"], [np.array([[1.0], [3.0]])])
        >>> known.encode(np.array([[3.0], [np.nan]])).tolist()
        [[1.0], [0.0]]
    """

    kind: ClassVar = "known"

    def __init__(self, names: Sequence[str], mean: Iterable[float], std: Iterable[float], block: int = 1) -> None:
        self.block = reading.whole(block, "block", 1, 2**10)
        self.names, self.scale = tuple(names), Scale([*mean], [*std], "known")
        if len(self.names) != self.scale.size:
            raise UserError(f"known: {len(self.names)} names for {self.scale.size} columns")

    @classmethod
    def train(cls, names: Sequence[str], values: Iterable[NDArray[Any]], block: int = 1) -> Self:
        """Learn mean and standard deviation from columns (T, K); rows with a missing one do not count."""
        scale = Scale.of((each[~np.isnan(each).any(1)] for each in values), "known")
        return cls(names, scale.mean.tolist(), scale.std.tolist(), block)

    @property
    def size(self) -> int:
        """Numbers at a position."""
        return self.scale.size * self.block

    def encode(self, raw: NDArray[Any], /) -> NDArray[np.float32]:
        """Columns (T, K), standardised: (T / block, block · K)."""
        values = np.asarray(raw, np.float64)
        if values.ndim != 2 or values.shape[1] != len(self.names) or len(values) % self.block:
            expected = f"(steps, {len(self.names)}): {', '.join(self.names)}, in blocks of {self.block}"
            raise UserError(f"known: shape {values.shape}; expected {expected}")
        found = np.nan_to_num(self.scale.apply(values), nan=0.0).astype(np.float32)
        return found.reshape(len(values) // self.block, self.size)

    def decode(self, x: NDArray[Any], /) -> NDArray[np.float64]:
        """The columns in their own units."""
        return self.scale.undo(np.asarray(x).reshape(-1, len(self.names)))

    def to_json(self) -> dict[str, Any]:
        """Names, means and standard deviations."""
        return {"kind": self.kind, "names": list(self.names), "block": self.block, **self.scale.to_json()}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The inverse of `to_json`."""
        fields = reading.document(document, cls.kind, ("names", "block", "mean", "std"))
        numbers = [reading.numbers(fields[name], name) for name in ("mean", "std")]
        return cls(
            reading.strings(fields["names"], "names"), *numbers, block=reading.whole(fields["block"], "block", 1, 2**10)
        )
