"""Held-out data as the instruments read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final, overload

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from seriatim.context import Context
from seriatim.data.ragged import Ragged


@final
class Each(Sequence[NDArray[Any]]):
    """Sequences that are made when they are asked for.

    Args:
        count: how many.
        make: number -> the sequence.
    """

    def __init__(self, count: int, make: Callable[[int], NDArray[Any]]) -> None:
        self._count, self._make = count, make

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> NDArray[Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[NDArray[Any]]: ...
    def __getitem__(self, index: int | slice) -> NDArray[Any] | list[NDArray[Any]]:
        if isinstance(index, slice):
            return [self._make(i) for i in range(self._count)[index]]
        return self._make(range(self._count)[index])


@final
@dataclass(frozen=True, eq=False)
class HeldSequences:
    """Sequences, of symbols or of real numbers."""

    x: Sequence[NDArray[Any]]
    """(L,) each, or (L, P)."""
    given: Mapping[str, NDArray[Any] | Ragged]
    """{condition: one value per sequence}, which is always known; along a sequence, as far as it is read."""
    words: str
    """What an element is, in the plural."""
    unit: str
    """Of figures: "bits/…"."""
    mask: Sequence[NDArray[np.bool_]] | None = None
    """(L,) each, which elements may be predicted. Default: all."""

    @property
    def along(self) -> bool:
        """Whether a condition runs along the sequences."""
        return any(getattr(value, "ndim", 0) >= 3 for value in self.given.values())

    def counted(self, row: int, first: int = 0) -> NDArray[np.int64]:
        """Which elements of a sequence may be predicted, from the one of that number on."""
        if self.mask is None:
            return np.arange(first, max(first, len(self.x[row])))
        found = np.flatnonzero(self.mask[row])
        return found[found >= first]


@final
@dataclass(frozen=True, eq=False)
class HeldPictures:
    """Pictures that a model visits row by row."""

    x: Tensor
    """(N, H, W, …) symbols."""
    context: Context
    """Their conditions."""
    dims: int
    """Values of a row."""
