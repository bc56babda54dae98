"""What the package trains models of sound on: recordings of one rate and any length, in named splits.

Importing this does not import numpy: the command line answers at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


LABEL = "label"
"""The condition that subfolders give, or a table of two columns without a heading."""


SPANS, TRACK, VECTOR = "spans", "track", "vector"
"""The conditions that files beside the recordings give."""


@dataclass(frozen=True, eq=False)
class Aligned:
    """What is said of every stretch of `hop` samples of each recording."""

    values: Sequence[NDArray[Any]]
    """Of each recording (ceil(T / hop), F): features, or of labels the number and the share passed, as in `Spans`."""
    hop: int
    """Column k describes the samples k · hop to (k + 1) · hop − 1."""
    labels: tuple[str, ...] = ()
    """The names of the labels 0, 1, …; none for features."""


@dataclass(frozen=True, eq=False)
class Takes:
    """One split."""

    x: Sequence[NDArray[np.int16]]
    """Of each recording its samples (T,), or (T, 2) left and right; 32768 is full scale."""
    labels: Mapping[str, tuple[str | None, ...]]
    """{condition: the label of each recording, None where it has none}."""
    names: Sequence[str]
    """Where each came from, for messages."""
    tracks: Mapping[str, Aligned] = field(default_factory=dict[str, Aligned])
    """What changes in the course of a recording."""
    vectors: NDArray[np.float32] | None = None
    """(N, D) numbers for each recording."""
    marks: Sequence[tuple[tuple[int, int], ...]] = ()
    """Of each recording that was made of parts: where each part begins and where it has ended, in samples."""

    @property
    def samples(self) -> int:
        """How long all of them are together; left and right count once."""
        return sum(map(len, self.x))


@dataclass(frozen=True, eq=False)
class Recordings:
    """Recordings in splits, and what a later run must know about them."""

    name: str
    rate: int
    """Samples a second, of all of them."""
    channels: int
    """1 or 2, of all of them."""
    splits: Mapping[str, Takes]
    """Some of "train", "validation" and "test"; none is empty."""
    fingerprint: str
    """sha256 over the samples, their labels and the split: a resumed run checks that it has not changed."""
    note: str = ""
    """Licence, attribution, caveats and what was done to the files, in sentences."""
