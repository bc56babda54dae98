"""Rows of symbols of unequal length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray


@final
class Ragged:
    """Rows of symbols of unequal length, each with its `<end>`; of length 0 if there is no text.

    Indexing with row numbers gives (n, longest) symbols, padded with −1.
    """

    def __init__(self, rows: Sequence[NDArray[Any]]) -> None:
        self.lengths = np.array([len(row) for row in rows], dtype=np.int64)
        self.symbols = np.concatenate([*rows, np.zeros(0, np.int32)]).astype(np.int32)
        self.starts = np.cumsum(self.lengths) - self.lengths

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, rows: Any) -> NDArray[np.int64]:
        lengths, starts = self.lengths[rows], self.starts[rows]
        place = np.arange(max(1, int(lengths.max(initial=1))))
        there = place < lengths[:, None]
        if not len(self.symbols):
            return np.full(there.shape, -1)
        at = np.where(there, starts[:, None] + place, 0)
        return np.where(there, self.symbols[at], -1).astype(np.int64)
