"""Training data for models of series: some series of one frequency, in splits.

Importing this does not import numpy, to keep the command line fast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SERIES = "series"
"""The condition that says which series it is, where there are several."""


@dataclass(frozen=True, eq=False)
class Series:
    """One series, on a complete grid of times."""

    name: str
    values: NDArray[np.float64]
    """(T, C), NaN where missing."""
    times: NDArray[Any] | None = None
    """(T',) the time of each step, and of those after the last that are known ahead; None: rows are counted."""
    known: NDArray[np.float64] | None = None
    """(T', K) what is known ahead, for T' >= T steps, NaN where missing."""
    labels: Mapping[str, str | None] = field(default_factory=dict[str, "str | None"])
    """{label: its value}."""
    first: int = 0
    """The first step that counts; those before it are given."""

    @property
    def steps(self) -> int:
        """T."""
        return len(self.values)


@dataclass(frozen=True, eq=False)
class Panel:
    """Some series with the same channels: one split, or all there is."""

    items: Sequence[Series]
    channels: tuple[str, ...]
    """What each value of a step is."""
    frequency: str
    """As in pandas; "rows" without times."""
    known: tuple[str, ...] = ()
    """What is known ahead."""

    @property
    def counted(self) -> int:
        """Steps that count."""
        return sum(each.steps - each.first for each in self.items)


@dataclass(frozen=True, eq=False)
class Divided:
    """Series in splits: each split has the past of what it counts."""

    name: str
    splits: Mapping[str, Panel]
    """Some of "train", "validation" and "test"; none is empty."""
    fingerprint: str
    """sha256 of values, times and splits: a resumed run checks that it has not changed."""
    note: str = ""
    """Licence, attribution, caveats and what was done while reading, in sentences."""
