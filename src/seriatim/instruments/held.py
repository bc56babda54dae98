"""Held-out data as the instruments read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from seriatim.context import Context
from seriatim.data.ragged import Ragged


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
    def counted(self) -> Sequence[NDArray[np.bool_]]:
        """(L,) of each sequence, which elements may be predicted."""
        return [np.ones(len(x), bool) for x in self.x] if self.mask is None else self.mask


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
