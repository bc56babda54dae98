"""Standardisation: what every codec of measured numbers does before a model sees them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seriatim.errors import UserError

_ROUNDING = 1e-9


@final
class Scale:
    """Mean and standard deviation of each of F numbers, in the training split.

    Args:
        mean: (F,).
        std: (F,), > 0.
        what: the numbers' name in messages.

    Raises:
        UserError: if they do not match, are not finite or not positive.

    Example:
        >>> scale = Scale.of([np.array([[0.0, 10.0]]), np.array([[2.0, 30.0]])], "pitch")
        >>> scale.apply([2.0, 20.0]).tolist(), scale.undo([0.0, 1.0]).tolist()
        ([1.0, 0.0], [1.0, 30.0])
    """

    def __init__(self, mean: ArrayLike, std: ArrayLike, what: str) -> None:
        self.mean, self.std = np.asarray(mean, np.float64), np.asarray(std, np.float64)
        if self.mean.ndim != 1 or self.mean.shape != self.std.shape or not self.size:
            raise UserError(
                f"{what}: {self.mean.size} means and {self.std.size} deviations; expected one or more, as many of both"
            )
        if not (np.isfinite(self.mean).all() and np.isfinite(self.std).all() and (self.std > 0).all()):
            raise UserError(f"{what}: expected finite means, and finite deviations above 0")

    @classmethod
    def of(cls, parts: Iterable[NDArray[Any]], what: str) -> Self:
        """Learn from arrays (K, F) in one pass (Chan, Golub and LeVeque 1979); a constant has deviation 1.

        Raises:
            UserError: if there are no numbers, or they are too large.
        """
        count, mean, squares = 0, np.zeros(0), np.zeros(0)
        with np.errstate(over="ignore", invalid="ignore"):
            for part in parts:
                if not len(part):
                    continue
                wide = part.astype(np.float64)
                own = wide.mean(0)
                if not count:
                    mean, squares = np.zeros_like(own), np.zeros_like(own)
                step, total = own - mean, count + len(wide)
                squares = squares + ((wide - own) ** 2).sum(0) + step**2 * (count * len(wide) / total)
                mean, count = mean + step * (len(wide) / total), total
        if not count:
            raise UserError(f"{what}: no numbers to learn from")
        std = np.sqrt(squares / count)
        if not np.isfinite(std).all():
            raise UserError(f"{what}: too large for a standard deviation")
        return cls(mean, np.where(std > _ROUNDING * np.abs(mean), std, 1.0), what)

    @property
    def size(self) -> int:
        """F."""
        return self.mean.size

    def apply(self, values: ArrayLike) -> NDArray[np.float64]:
        """Numbers (..., F), standardised."""
        return (np.asarray(values, np.float64) - self.mean) / self.std

    def undo(self, x: ArrayLike) -> NDArray[np.float64]:
        """Numbers (..., F) in their own units."""
        return np.asarray(x, np.float64) * self.std + self.mean

    def to_json(self) -> dict[str, Any]:
        """Means and standard deviations."""
        return {"mean": self.mean.tolist(), "std": self.std.tolist()}
