"""Training data for models of trajectories: finite sequences of points, in named splits.

Importing this does not import numpy, to keep the command line fast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LABEL = "label"
"""The condition given by a column, a word or a subfolder."""

PEN = ("dx", "dy", "lift")
"""The channels of a drawing: the pen's move, and whether it is lifted after that (0 or 1)."""


@dataclass(frozen=True, eq=False)
class Trajectories:
    """One split."""

    x: Sequence[NDArray[np.float64]]
    """(T, C) the points of each; of a drawing (T, 3), the channels of `PEN`."""
    names: Sequence[str]
    """Name of each, for messages."""
    labels: Sequence[str | None] | None = None
    """The label of each, None if missing; None if there are none."""

    @property
    def points(self) -> int:
        """Total number of points."""
        return sum(map(len, self.x))

    def taken(self, rows: Sequence[int]) -> Trajectories:
        """Some of them."""
        labels = None if self.labels is None else [self.labels[row] for row in rows]
        return Trajectories([self.x[row] for row in rows], [self.names[row] for row in rows], labels)

    def spread(self, most: int) -> Trajectories:
        """At most `most` of them, spread evenly over all, so that they are not all from the first file.

        Example:
            >>> Trajectories([[]] * 10, list("abcdefghij")).spread(3).names
            ['a', 'd', 'g']
        """
        count = len(self.names)
        return self if count <= most else self.taken([i * count // most for i in range(most)])


def together(parts: Sequence[Trajectories]) -> Trajectories:
    """Several splits as one."""
    some = any(each.labels is not None for each in parts)
    labels = [label for each in parts for label in (each.labels or [None] * len(each.x))] if some else None
    return Trajectories([x for each in parts for x in each.x], [name for each in parts for name in each.names], labels)


@dataclass(frozen=True, eq=False)
class TrajectorySet:
    """Trajectories in splits, with a fingerprint and a note."""

    name: str
    channels: tuple[str, ...]
    """The name of each channel; `PEN` for drawings."""
    splits: Mapping[str, Trajectories]
    """Some of "train", "validation" and "test"; none is empty."""
    fingerprint: str
    """sha256 of the points, labels and splits: a resumed run checks that it has not changed."""
    note: str = ""
    """Licence, attribution, caveats and conversions, in sentences."""

    @property
    def drawn(self) -> bool:
        """Whether they are drawings."""
        return self.channels == PEN
