"""Conditions of several numbers: another network's embedding, measurements, an interpolation between two of them."""

from __future__ import annotations

from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seriatim.errors import UserError
from seriatim.symbols import reading
from seriatim.symbols.scale import Scale

WIDEST = 2**16
"""Maximum length of a vector."""


@final
class Vectors:
    """Vectors, each component standardised with its mean and standard deviation in the training split.

    A component that is constant there has standard deviation 1.

    Args:
        mean: (D,) of the training split.
        std: (D,) of the training split, > 0.

    Raises:
        UserError: if they do not match or are not finite.

    Example:
        >>> vectors = Vectors.train(np.array([[0.0, 10.0], [2.0, 30.0]]))
        >>> vectors.encode([2.0, 20.0]).tolist(), vectors.decode([0.0, 0.0]).tolist()
        ([1.0, 0.0], [1.0, 20.0])
    """

    kind: ClassVar = "vectors"

    def __init__(self, mean: ArrayLike, std: ArrayLike) -> None:
        self.scale = Scale(mean, std, "vectors")
        if self.size > WIDEST:
            raise UserError(f"vectors: {self.size} numbers; expected at most {WIDEST}")

    @classmethod
    def train(cls, values: NDArray[np.floating[Any]]) -> Self:
        """Compute means and standard deviations of vectors (N, D)."""
        scale = Scale.of([values], "vectors")
        return cls(scale.mean, scale.std)

    @property
    def size(self) -> int:
        """D, the length of a vector."""
        return self.scale.size

    def encode(self, raw: ArrayLike, /) -> NDArray[np.float32]:
        """Vectors (..., D), standardised."""
        try:
            values = np.asarray(raw, np.float64)
        except (TypeError, ValueError):
            raise UserError(f"vector: {str(raw)[:60]!r} is not an array of numbers") from None
        if values.shape[-1:] != (self.size,):
            raise UserError(f"vector: shape {values.shape}; expected {self.size} numbers")
        if not np.isfinite(values).all():
            raise UserError("vector: not all numbers are finite")
        with np.errstate(over="ignore"):
            standardised = self.scale.apply(values).astype(np.float32)
        if not np.isfinite(standardised).all():
            raise UserError("vector: a number is too far from the training data's")
        return standardised

    def decode(self, x: ArrayLike, /) -> NDArray[np.float64]:
        """Vectors (..., D) in their own units."""
        return self.scale.undo(x)

    def to_json(self) -> dict[str, Any]:
        """Means and standard deviations."""
        return {"kind": self.kind, **self.scale.to_json()}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The inverse of `to_json`."""
        fields = reading.document(document, cls.kind, ("mean", "std"))
        return cls(reading.numbers(fields["mean"], "mean"), reading.numbers(fields["std"], "std"))
