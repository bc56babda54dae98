"""Conditions of several numbers: another network's embedding, measurements, an interpolation between two of them."""

from __future__ import annotations

from typing import Any, ClassVar, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seriatim.errors import UserError
from seriatim.symbols import reading

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
        self.mean, self.std = np.asarray(mean, np.float64), np.asarray(std, np.float64)
        if self.mean.ndim != 1 or self.mean.shape != self.std.shape or not 1 <= self.size <= WIDEST:
            raise UserError(
                f"vectors: {self.mean.size} means and {self.std.size} deviations; expected as many of both, "
                f"from 1 to {WIDEST}"
            )
        if not (np.isfinite(self.mean).all() and np.isfinite(self.std).all() and (self.std > 0).all()):
            raise UserError("vectors: expected finite means and positive deviations")

    @classmethod
    def train(cls, values: NDArray[np.floating[Any]]) -> Self:
        """Compute means and standard deviations of vectors (N, D)."""
        wide = values.astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            std = wide.std(0)
        if not np.isfinite(std).all():
            raise UserError("vectors: too large for a standard deviation")
        return cls(wide.mean(0), np.where(std > 0, std, 1.0))

    @property
    def size(self) -> int:
        """D, the length of a vector."""
        return len(self.mean)

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
            standardised = ((values - self.mean) / self.std).astype(np.float32)
        if not np.isfinite(standardised).all():
            raise UserError("vector: a number is too far from the training data's")
        return standardised

    def decode(self, x: ArrayLike, /) -> NDArray[np.float64]:
        """Vectors (..., D) in their own units."""
        return np.asarray(x, np.float64) * self.std + self.mean

    def to_json(self) -> dict[str, Any]:
        """Means and standard deviations."""
        return {"kind": self.kind, "mean": self.mean.tolist(), "std": self.std.tolist()}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The inverse of `to_json`."""
        fields = reading.document(document, cls.kind, ("mean", "std"))
        return cls(reading.numbers(fields["mean"], "mean"), reading.numbers(fields["std"], "std"))
