"""Training data for models of audio: recordings of one rate and any length, in named splits.

Importing this does not import numpy, to keep the command line fast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


LABEL = "label"
"""The condition given by subfolders, or by a table of two columns without a header."""


SPANS, TRACK, VECTOR = "spans", "track", "vector"
"""The conditions given by files parallel to the recordings."""


@dataclass(frozen=True, eq=False)
class Aligned:
    """A time-aligned condition: a frame per `hop` samples of each recording."""

    values: Sequence[NDArray[Any]]
    """(ceil(T / hop), F) per recording: numbers, or the label and the elapsed fraction, as in `Spans`."""
    hop: int
    """Frame k describes the samples k · hop to (k + 1) · hop − 1."""
    labels: tuple[str, ...] = ()
    """The names of the labels 0, 1, …; empty for numbers."""


@dataclass(frozen=True, eq=False)
class Takes:
    """One split."""

    x: Sequence[NDArray[np.int16]]
    """The samples of each recording, (T,), or (T, 2) for left and right; 32768 is full scale."""
    labels: Mapping[str, tuple[str | None, ...]]
    """{condition: the label of each recording, None if missing}."""
    names: Sequence[str]
    """Name of each recording, for messages."""
    tracks: Mapping[str, Aligned] = field(default_factory=dict[str, Aligned])
    """Time-aligned conditions, by name."""
    vectors: NDArray[np.float32] | None = None
    """(N, D) vector of each recording."""
    marks: Sequence[tuple[tuple[int, int], ...]] = ()
    """Start and stop of each part of a recording that was concatenated from parts, in samples."""

    @property
    def samples(self) -> int:
        """Total length in samples per channel."""
        return sum(map(len, self.x))


@dataclass(frozen=True, eq=False)
class Recordings:
    """Recordings in splits, with a fingerprint and a note."""

    name: str
    rate: int
    """Sample rate in hertz."""
    channels: int
    """Number of channels, 1 or 2."""
    splits: Mapping[str, Takes]
    """Some of "train", "validation" and "test"; none is empty."""
    fingerprint: str
    """sha256 of the samples, conditions and splits: a resumed run checks that it has not changed."""
    note: str = ""
    """Licence, attribution, caveats and conversions, in sentences."""
